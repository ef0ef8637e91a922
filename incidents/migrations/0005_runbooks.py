"""Runbooks, their versions, runs and validations."""

import controlplane.lib.clock
import controlplane.lib.ids
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


FORWARD = """
CREATE TRIGGER runbookversion_stays BEFORE UPDATE
    ON incidents_runbookversion FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER runbookvalidation_stays BEFORE DELETE OR UPDATE OF uid, workspace_id, slug, text_id,
        run_id, environment, result, note, actor_ref, at
    ON incidents_runbookvalidation FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER runbookrun_stays BEFORE DELETE OR UPDATE OF uid, workspace_id, runbook_id, text_id,
        purpose, incident_id, started_by, started_at
    ON incidents_runbookrun FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER runbookstep_stays BEFORE DELETE OR UPDATE OF run_id, number, attempt, kind, title,
        actor_ref, given, started_at
    ON incidents_runbookstep FOR EACH ROW EXECUTE FUNCTION incidents_stays();

-- What came of a try is written once.
CREATE FUNCTION incidents_step_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'running' THEN
        RAISE EXCEPTION 'a try of a step that is over stays over'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER runbookstep_moves
    BEFORE UPDATE OF state, output, note, ended_at, duration_ms
    ON incidents_runbookstep FOR EACH ROW EXECUTE FUNCTION incidents_step_moves();
"""

BACKWARD = """
DROP TRIGGER runbookstep_moves ON incidents_runbookstep;
DROP FUNCTION incidents_step_moves();
DROP TRIGGER runbookstep_stays ON incidents_runbookstep;
DROP TRIGGER runbookrun_stays ON incidents_runbookrun;
DROP TRIGGER runbookvalidation_stays ON incidents_runbookvalidation;
DROP TRIGGER runbookversion_stays ON incidents_runbookversion;
"""


class Migration(migrations.Migration):

    dependencies = [('incidents', '0004_support')]

    operations = [
        migrations.CreateModel(
            name='Runbook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('slug', models.CharField(max_length=60)),
                ('aliases', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), blank=True, default=list, size=None)),
                ('title', models.CharField(max_length=120)),
                ('severity', models.CharField(max_length=8)),
                ('owner_role', models.CharField(max_length=40)),
                ('category', models.CharField(blank=True, max_length=40)),
                ('services', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=50), blank=True, default=list, size=None)),
                ('labels', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), blank=True, default=list, size=None)),
                ('symptoms', models.TextField(max_length=48000)),
                ('text', models.TextField(max_length=48000)),
                ('base_mark', models.CharField(blank=True, editable=False, max_length=64)),
                ('shipped_mark', models.CharField(blank=True, editable=False, max_length=64)),
                ('archived_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('search', models.GeneratedField(db_persist=True, expression=django.contrib.postgres.search.CombinedSearchVector(django.contrib.postgres.search.CombinedSearchVector(django.contrib.postgres.search.SearchVector('title', 'slug', config='english', weight='A'), '||', django.contrib.postgres.search.SearchVector(django.db.models.functions.text.Left('symptoms', 100000), config='english', weight='B'), django.contrib.postgres.search.SearchConfig('english')), '||', django.contrib.postgres.search.SearchVector(django.db.models.functions.text.Left('text', 100000), config='english', weight='D'), django.contrib.postgres.search.SearchConfig('english')), output_field=django.contrib.postgres.search.SearchVectorField())),
                ('replaced_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replaces', to='incidents.runbook')),
                ('source_item', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='work.item')),
                ('workspace', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='access.workspace')),
            ],
            options={
                'ordering': ['slug', 'id'],
            },
        ),
        migrations.CreateModel(
            name='RunbookRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('purpose', models.CharField(choices=[('real', 'For real'), ('drill', 'A drill'), ('validation', 'A validation')], default='real', max_length=10)),
                ('status', models.CharField(choices=[('running', 'Running'), ('done', 'Done'), ('abandoned', 'Abandoned')], default='running', editable=False, max_length=9)),
                ('started_by', models.CharField(editable=False, max_length=80)),
                ('started_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('ended_at', models.DateTimeField(editable=False, null=True)),
                ('ended_why', models.CharField(blank=True, editable=False, max_length=500)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('drill', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='runbook_run', to='incidents.drill')),
                ('incident', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='runbook_runs', to='incidents.incident')),
                ('runbook', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='incidents.runbook')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='RunbookStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('attempt', models.PositiveSmallIntegerField()),
                ('kind', models.CharField(max_length=10)),
                ('title', models.CharField(max_length=120)),
                ('state', models.CharField(choices=[('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('timed_out', 'Ended by its limit'), ('refused', 'Refused'), ('skipped', 'Left out')], default='running', max_length=9)),
                ('actor_ref', models.CharField(max_length=80)),
                ('given', models.JSONField(default=dict)),
                ('output', models.TextField(blank=True, max_length=20000)),
                ('note', models.TextField(blank=True, max_length=2000)),
                ('started_at', models.DateTimeField(default=controlplane.lib.clock.now)),
                ('ends_by', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('duration_ms', models.PositiveIntegerField(null=True)),
                ('action', models.OneToOneField(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='step', to='incidents.action')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='incidents.runbookrun')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['run', 'number', 'attempt'],
            },
        ),
        migrations.CreateModel(
            name='RunbookVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('text', models.TextField(max_length=48000)),
                ('steps', models.JSONField(default=list)),
                ('mark', models.CharField(max_length=64)),
                ('made_by_ref', models.CharField(max_length=80)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('runbook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='incidents.runbook')),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.CreateModel(
            name='RunbookValidation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('slug', models.CharField(max_length=60)),
                ('environment', models.CharField(max_length=60)),
                ('result', models.CharField(choices=[('works', 'It works'), ('mended', 'It works, once mended'), ('failed', 'It does not work')], max_length=6)),
                ('note', models.TextField(blank=True, max_length=2000)),
                ('actor_ref', models.CharField(max_length=80)),
                ('at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('run', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='validations', to='incidents.runbookrun')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
                ('text', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='incidents.runbookversion')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.AddField(
            model_name='runbookrun',
            name='text',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='incidents.runbookversion'),
        ),
        migrations.AddField(
            model_name='runbook',
            name='current',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='incidents.runbookversion'),
        ),
        migrations.CreateModel(
            name='RunbookUse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('actor_ref', models.CharField(max_length=80)),
                ('at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('alert', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='incidents.alert')),
                ('incident', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='runbook_uses', to='incidents.incident')),
                ('runbook', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uses', to='incidents.runbook')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
                ('ticket', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='runbook_uses', to='incidents.ticket')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.AddConstraint(
            model_name='runbookstep',
            constraint=models.UniqueConstraint(fields=('run', 'number', 'attempt'), name='runbookstep_once'),
        ),
        migrations.AddConstraint(
            model_name='runbookstep',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('run', 'number'), name='runbookstep_one_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='runbookstep',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('state', 'running')), models.Q(models.Q(('state', 'running'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='runbookstep_ended_since'),
        ),
        migrations.AddConstraint(
            model_name='runbookversion',
            constraint=models.UniqueConstraint(fields=('runbook', 'number'), name='runbookversion_once'),
        ),
        migrations.AddIndex(
            model_name='runbookvalidation',
            index=models.Index(fields=['workspace', 'slug', '-id'], name='runbookvalidation_slug'),
        ),
        migrations.AddIndex(
            model_name='runbookrun',
            index=models.Index(fields=['workspace', '-id'], name='runbookrun_workspace'),
        ),
        migrations.AddConstraint(
            model_name='runbookrun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('status', 'running')), models.Q(models.Q(('status', 'running'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='runbookrun_ended_since'),
        ),
        migrations.AddIndex(
            model_name='runbook',
            index=django.contrib.postgres.indexes.GinIndex(fields=['search'], name='runbook_search'),
        ),
        migrations.AddConstraint(
            model_name='runbook',
            constraint=models.UniqueConstraint(fields=('workspace', 'slug'), name='runbook_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='runbook',
            constraint=models.CheckConstraint(condition=models.Q(('replaced_by', None), ('archived_at__isnull', False), _connector='OR'), name='runbook_replaced_is_archived'),
        ),
        migrations.AddConstraint(
            model_name='runbook',
            constraint=models.CheckConstraint(condition=models.Q(('replaced_by', None), models.Q(('replaced_by', models.F('id')), _negated=True), _connector='OR'), name='runbook_replaced_by_another'),
        ),
        migrations.AddConstraint(
            model_name='runbookuse',
            constraint=models.UniqueConstraint(fields=('runbook', 'incident', 'alert', 'ticket', 'actor_ref'), name='runbookuse_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='runbookuse',
            constraint=models.CheckConstraint(condition=models.Q(('incident__isnull', False), ('alert__isnull', False), ('ticket__isnull', False), _connector='OR'), name='runbookuse_for_something'),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
