"""What is said, done, decided and learned while an incident lasts and after it."""

import controlplane.access.models.people
import controlplane.lib.clock
import controlplane.lib.ids
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.db.models.fields.json
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


FORWARD = """
CREATE TRIGGER update_stays
    BEFORE DELETE OR UPDATE OF uid, workspace_id, incident_id, audience, kind, subject, text,
        written_by, created_at
    ON incidents_update FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER missedupdate_stays
    BEFORE DELETE OR UPDATE OF workspace_id, incident_id, due_at, noticed_at, severity
    ON incidents_missedupdate FOR EACH ROW EXECUTE FUNCTION incidents_stays();

-- What went out can't be taken back, and what was dropped never goes out.
CREATE FUNCTION incidents_update_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'draft' THEN
        RAISE EXCEPTION 'an update that is % stays so', OLD.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER update_moves BEFORE UPDATE OF status, posted_at, posted_by, due_at, next_at
    ON incidents_update FOR EACH ROW EXECUTE FUNCTION incidents_update_moves();

CREATE TRIGGER action_stays
    BEFORE DELETE OR UPDATE OF uid, workspace_id, incident_id, kind, target, given, key, reason,
        undoes_id, asked_by, asked_at
    ON incidents_action FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER decision_stays BEFORE DELETE OR UPDATE
    ON incidents_decision FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER check_stays BEFORE DELETE OR UPDATE
    ON incidents_check FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER correction_stays BEFORE UPDATE
    ON incidents_correction FOR EACH ROW EXECUTE FUNCTION incidents_stays();

-- What is over stays so: it is done again as another one.
CREATE FUNCTION incidents_action_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'an action that is % stays so', OLD.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER action_moves BEFORE UPDATE OF status, code, result, made, ended_at
    ON incidents_action FOR EACH ROW EXECUTE FUNCTION incidents_action_moves();
"""

BACKWARD = """
DROP TRIGGER action_moves ON incidents_action;
DROP FUNCTION incidents_action_moves();
DROP TRIGGER correction_stays ON incidents_correction;
DROP TRIGGER check_stays ON incidents_check;
DROP TRIGGER decision_stays ON incidents_decision;
DROP TRIGGER action_stays ON incidents_action;
DROP TRIGGER update_moves ON incidents_update;
DROP TRIGGER missedupdate_stays ON incidents_missedupdate;
DROP TRIGGER update_stays ON incidents_update;
DROP FUNCTION incidents_update_moves();
"""


class Migration(migrations.Migration):

    dependencies = [('incidents', '0002_incident_guards')]

    operations = [
        migrations.CreateModel(
            name='StatusPage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('slug', models.SlugField(max_length=40, unique=True)),
                ('title', models.CharField(max_length=80)),
                ('intro', models.CharField(blank=True, max_length=500)),
                ('time_zone', models.CharField(default='UTC', max_length=64, validators=[controlplane.access.models.people.known_time_zone])),
                ('is_open', models.BooleanField(default=False)),
                ('is_first', models.BooleanField(default=False)),
                ('told_until', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('created_by', models.CharField(editable=False, max_length=80)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('workspace', models.OneToOneField(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'status page',
                'ordering': ['slug'],
            },
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('text', models.CharField(max_length=500)),
                ('why', models.CharField(blank=True, max_length=1000)),
                ('decided_by', models.CharField(editable=False, max_length=80)),
                ('at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='incidents.incident')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Correction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('text', models.TextField(max_length=20000)),
                ('by', models.CharField(editable=False, max_length=80)),
                ('at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('comment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='work.comment')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='corrections', to='incidents.incident')),
            ],
            options={
                'ordering': ['comment', 'number'],
            },
        ),
        migrations.CreateModel(
            name='Check',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('slug', models.CharField(max_length=20)),
                ('outcome', models.CharField(choices=[('ok', 'Works'), ('failed', 'Does not work'), ('waived', 'Not looked at')], max_length=6)),
                ('note', models.CharField(blank=True, max_length=500)),
                ('figures', models.JSONField(blank=True, default=dict, editable=False)),
                ('by', models.CharField(editable=False, max_length=80)),
                ('at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='checks', to='incidents.incident')),
            ],
            options={
                'verbose_name': 'validation',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Action',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('flag_off', 'Switch a flag off'), ('pause_missions', 'Pause missions'), ('trip_breaker', 'Open a circuit breaker'), ('rate_limit', 'Limit a rate for a while'), ('rollback', 'Roll a deployment back'), ('wake_agent', 'Open a thread and wake an agent'), ('block_item', 'Block a work item'), ('runbook_step', 'Run a step of a runbook'), ('scale', 'Capacity was added'), ('fix', 'A fix was brought out')], max_length=14)),
                ('target', models.CharField(blank=True, max_length=200)),
                ('given', models.JSONField(blank=True, default=dict)),
                ('key', models.CharField(editable=False, max_length=80)),
                ('reason', models.CharField(max_length=500)),
                ('status', models.CharField(choices=[('planned', 'Planned'), ('running', 'Running'), ('done', 'Done'), ('refused', 'Refused'), ('failed', 'Failed')], default='planned', editable=False, max_length=7)),
                ('code', models.CharField(blank=True, editable=False, max_length=40)),
                ('result', models.CharField(blank=True, editable=False, max_length=500)),
                ('made', models.JSONField(default=dict, editable=False)),
                ('asked_by', models.CharField(editable=False, max_length=80)),
                ('asked_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('ended_at', models.DateTimeField(editable=False, null=True)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('undoes', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='undone_by', to='incidents.action')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='actions', to='incidents.incident')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='IncidentReview',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('status', models.CharField(choices=[('writing', 'Being written'), ('published', 'Published')], default='writing', editable=False, max_length=9)),
                ('meeting_at', models.DateTimeField(blank=True, null=True)),
                ('attendees', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=160), blank=True, default=list, size=None)),
                ('impact', models.TextField(blank=True, max_length=16000)),
                ('timeline', models.TextField(blank=True, max_length=60000)),
                ('trigger', models.TextField(blank=True, max_length=16000)),
                ('factors', models.TextField(blank=True, max_length=16000)),
                ('gaps', models.TextField(blank=True, max_length=16000)),
                ('whys', models.JSONField(blank=True, default=list)),
                ('went_well', models.TextField(blank=True, max_length=16000)),
                ('to_improve', models.TextField(blank=True, max_length=16000)),
                ('lessons', models.TextField(blank=True, max_length=16000)),
                ('documents', models.TextField(blank=True, max_length=16000)),
                ('no_actions', models.CharField(blank=True, max_length=500)),
                ('tree', models.TextField(blank=True, editable=False)),
                ('tree_at', models.DateTimeField(editable=False, null=True)),
                ('is_public', models.BooleanField(default=False)),
                ('shared_at', models.DateTimeField(editable=False, null=True)),
                ('first_published_at', models.DateTimeField(editable=False, null=True)),
                ('published_at', models.DateTimeField(editable=False, null=True)),
                ('published_by', models.CharField(blank=True, editable=False, max_length=80)),
                ('created_by', models.CharField(editable=False, max_length=80)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('search', models.GeneratedField(db_persist=True, expression=django.contrib.postgres.search.CombinedSearchVector(django.contrib.postgres.search.CombinedSearchVector(django.contrib.postgres.search.SearchVector(django.db.models.functions.text.Left('trigger', 20000), django.db.models.functions.text.Left('factors', 20000), config='english', weight='A'), '||', django.contrib.postgres.search.SearchVector(django.db.models.functions.text.Left(django.db.models.fields.json.KeyTextTransform('why', django.db.models.fields.json.KeyTransform(0, 'whys')), 2000), django.db.models.functions.text.Left(django.db.models.fields.json.KeyTextTransform('answer', django.db.models.fields.json.KeyTransform(0, 'whys')), 2000), django.db.models.functions.text.Left(django.db.models.fields.json.KeyTextTransform('why', django.db.models.fields.json.KeyTransform(1, 'whys')), 2000), django.db.models.functions.text.Left(django.db.models.fields.json.KeyTextTransform('answer', django.db.models.fields.json.KeyTransform(1, 'whys')), 2000), django.db.models.functions.text.Left(django.db.models.fields.json.KeyTextTransform('why', django.db.models.fields.json.KeyTransform(2, 'whys')), 2000), django.db.models.functions.text.Left(django.db.models.fields.json.KeyTextTransform('answer', django.db.models.fields.json.KeyTransform(2, 'whys')), 2000), django.db.models.functions.text.Left(django.db.models.fields.json.KeyTextTransform('why', django.db.models.fields.json.KeyTransform(3, 'whys')), 2000), django.db.models.functions.text.Left(django.db.models.fields.json.KeyTextTransform('answer', django.db.models.fields.json.KeyTransform(3, 'whys')), 2000), django.db.models.functions.text.Left(django.db.models.fields.json.KeyTextTransform('why', django.db.models.fields.json.KeyTransform(4, 'whys')), 2000), django.db.models.functions.text.Left(django.db.models.fields.json.KeyTextTransform('answer', django.db.models.fields.json.KeyTransform(4, 'whys')), 2000), config='english', weight='B'), django.contrib.postgres.search.SearchConfig('english')), '||', django.contrib.postgres.search.SearchVector(django.db.models.functions.text.Left('impact', 20000), django.db.models.functions.text.Left('gaps', 20000), django.db.models.functions.text.Left('went_well', 20000), django.db.models.functions.text.Left('to_improve', 20000), django.db.models.functions.text.Left('lessons', 20000), django.db.models.functions.text.Left('documents', 20000), config='english', weight='C'), django.contrib.postgres.search.SearchConfig('english')), output_field=django.contrib.postgres.search.SearchVectorField())),
                ('approval', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='approvals.request')),
                ('documents_item', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='work.item')),
                ('incident', models.OneToOneField(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='review', to='incidents.incident')),
                ('item', models.OneToOneField(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='work.item')),
                ('snapshot', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='telemetry.healthsnapshot')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'incident review',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='MissedUpdate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('due_at', models.DateTimeField()),
                ('noticed_at', models.DateTimeField(default=controlplane.lib.clock.now)),
                ('severity', models.CharField(max_length=8)),
                ('times', models.PositiveIntegerField(default=1)),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='missed_updates', to='incidents.incident')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='ResponsePolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('title', models.CharField(max_length=120)),
                ('severities', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=8), blank=True, default=list, size=None)),
                ('category', models.CharField(blank=True, choices=[('service', 'Service'), ('security', 'Security'), ('database', 'Database'), ('data', 'Data'), ('partner', 'Partner'), ('legal', 'Legal'), ('governance', 'Governance')], max_length=12)),
                ('only_alerts', models.BooleanField(default=True)),
                ('actions', models.JSONField(default=list)),
                ('mode', models.CharField(choices=[('off', 'Off'), ('dry', 'Only says so'), ('on', 'Acts')], default='off', editable=False, max_length=3)),
                ('made_by', models.CharField(editable=False, max_length=80)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('service', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalog.service')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'response policy',
                'verbose_name_plural': 'response policies',
                'ordering': ['title', 'id'],
            },
        ),
        migrations.CreateModel(
            name='ReviewAction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('prevention', 'Prevention'), ('monitoring', 'Monitoring'), ('runbook', 'Runbook')], max_length=10)),
                ('title', models.CharField(max_length=200)),
                ('due_on', models.DateField(blank=True, null=True)),
                ('runbook', models.CharField(blank=True, max_length=60)),
                ('created_by', models.CharField(editable=False, max_length=80)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('dropped_at', models.DateTimeField(editable=False, null=True)),
                ('item', models.OneToOneField(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='work.item')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('review', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='actions', to='incidents.incidentreview')),
            ],
            options={
                'ordering': ['review', 'id'],
            },
        ),
        migrations.CreateModel(
            name='StatusDocument',
            fields=[
                ('page', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='document', serialize=False, to='incidents.statuspage')),
                ('digest', models.CharField(max_length=64)),
                ('parts', models.BinaryField()),
                ('changed_at', models.DateTimeField()),
                ('written_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='StatusSubscriber',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('email', models.EmailField(max_length=254)),
                ('asked_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('confirmed_at', models.DateTimeField(editable=False, null=True)),
                ('page', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='subscribers', to='incidents.statuspage')),
            ],
            options={
                'verbose_name': 'subscriber of a status page',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Update',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('audience', models.CharField(choices=[('internal', 'The house'), ('customers', 'Customers')], max_length=9)),
                ('kind', models.CharField(choices=[('initial', 'First'), ('update', 'Update'), ('recovery', 'It works again')], max_length=8)),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('posted', 'Posted'), ('dropped', 'Dropped')], default='draft', editable=False, max_length=7)),
                ('subject', models.CharField(max_length=200)),
                ('text', models.TextField(max_length=8000)),
                ('written_by', models.CharField(editable=False, max_length=80)),
                ('posted_by', models.CharField(blank=True, editable=False, max_length=80)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('posted_at', models.DateTimeField(editable=False, null=True)),
                ('due_at', models.DateTimeField(editable=False, null=True)),
                ('next_at', models.DateTimeField(blank=True, null=True)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='updates', to='incidents.incident')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='decision_says'),
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.UniqueConstraint(fields=('comment', 'number'), name='correction_once'),
        ),
        migrations.AddConstraint(
            model_name='correction',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='correction_says'),
        ),
        migrations.AddIndex(
            model_name='check',
            index=models.Index(fields=['incident', 'slug', '-id'], name='check_newest'),
        ),
        migrations.AddConstraint(
            model_name='check',
            constraint=models.CheckConstraint(condition=models.Q(('outcome', 'ok'), models.Q(('note', ''), _negated=True), _connector='OR'), name='check_failed_or_waived_says_why'),
        ),
        migrations.AddIndex(
            model_name='action',
            index=models.Index(condition=models.Q(('status__in', ['planned', 'running'])), fields=['asked_at'], name='action_under_way'),
        ),
        migrations.AddConstraint(
            model_name='action',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['planned', 'running'])), fields=('incident', 'key'), name='action_under_way_once'),
        ),
        migrations.AddConstraint(
            model_name='action',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['planned', 'running', 'done'])), fields=('undoes',), name='action_undone_once'),
        ),
        migrations.AddConstraint(
            model_name='action',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('status__in', ['planned', 'running'])), models.Q(('ended_at__isnull', False), ('status__in', ['done', 'refused', 'failed'])), _connector='OR'), name='action_ended_when_over'),
        ),
        migrations.AddConstraint(
            model_name='action',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'refused'), _negated=True), models.Q(('code', ''), _negated=True), _connector='OR'), name='action_refused_with_code'),
        ),
        migrations.AddIndex(
            model_name='incidentreview',
            index=models.Index(fields=['workspace', '-id'], name='incident_review_workspace'),
        ),
        migrations.AddIndex(
            model_name='incidentreview',
            index=django.contrib.postgres.indexes.GinIndex(fields=['search'], name='incident_review_search'),
        ),
        migrations.AddConstraint(
            model_name='incidentreview',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('published_at', None), ('status', 'writing')), models.Q(('published_at__isnull', False), ('status', 'published')), _connector='OR'), name='incident_review_published_since'),
        ),
        migrations.AddIndex(
            model_name='missedupdate',
            index=models.Index(fields=['workspace', 'due_at'], name='missedupdate_due'),
        ),
        migrations.AddConstraint(
            model_name='missedupdate',
            constraint=models.UniqueConstraint(fields=('incident', 'due_at'), name='missedupdate_once'),
        ),
        migrations.AddConstraint(
            model_name='missedupdate',
            constraint=models.CheckConstraint(condition=models.Q(('times__gte', 1)), name='missedupdate_counts'),
        ),
        migrations.AddIndex(
            model_name='responsepolicy',
            index=models.Index(condition=models.Q(('mode', 'off'), _negated=True), fields=['workspace'], name='responsepolicy_awake'),
        ),
        migrations.AddConstraint(
            model_name='responsepolicy',
            constraint=models.UniqueConstraint(fields=('workspace', 'title'), name='responsepolicy_once'),
        ),
        migrations.AddConstraint(
            model_name='responsepolicy',
            constraint=models.CheckConstraint(condition=models.Q(('mode', 'off'), models.Q(('actions', []), _negated=True), _connector='OR'), name='responsepolicy_does_something'),
        ),
        migrations.AddConstraint(
            model_name='reviewaction',
            constraint=models.UniqueConstraint(models.F('review'), models.F('kind'), models.F('title'), condition=models.Q(('dropped_at', None)), name='review_action_once'),
        ),
        migrations.AddConstraint(
            model_name='statuspage',
            constraint=models.UniqueConstraint(condition=models.Q(('is_first', True)), fields=('is_first',), name='status_one_first'),
        ),
        migrations.AddConstraint(
            model_name='statussubscriber',
            constraint=models.UniqueConstraint(models.F('page'), django.db.models.functions.text.Lower('email'), name='status_subscriber_once'),
        ),
        migrations.AddIndex(
            model_name='update',
            index=models.Index(fields=['workspace', 'posted_at'], name='update_posted'),
        ),
        migrations.AddConstraint(
            model_name='update',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('posted_at__isnull', False), ('status', 'posted'), models.Q(('posted_by', ''), _negated=True)), models.Q(models.Q(('status', 'posted'), _negated=True), ('posted_at', None), ('posted_by', '')), _connector='OR'), name='update_posted_by_somebody'),
        ),
        migrations.AddConstraint(
            model_name='update',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='update_says_something'),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
