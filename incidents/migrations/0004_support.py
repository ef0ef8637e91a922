"""What people ask of support: hours, tickets, what was said of them, what readers find by
themselves."""

import controlplane.access.models.people
import controlplane.lib.clock
import controlplane.lib.ids
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


FORWARD = """
CREATE TRIGGER ticket_stays
    BEFORE DELETE OR UPDATE OF uid, workspace_id, ref, source, opened_at, created_by
    ON incidents_ticket FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER ticketmiss_stays BEFORE DELETE OR UPDATE
    ON incidents_ticketmiss FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER ticketmail_stays
    BEFORE UPDATE OF uid, workspace_id, outcome, size, digest, at
    ON incidents_ticketmail FOR EACH ROW EXECUTE FUNCTION incidents_stays();

-- Words and the names of files are taken away where a person's data is erased, and never replaced
-- by others.
CREATE FUNCTION incidents_words_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.text IN (OLD.text, '***redacted***')
        AND to_jsonb(NEW) - '{text,author_name,search,files,refused}'::text[]
            = to_jsonb(OLD) - '{text,author_name,search,files,refused}'::text[]
        AND coalesce(to_jsonb(NEW) -> 'files', '[]') IN ('[]', to_jsonb(OLD) -> 'files')
        AND coalesce(to_jsonb(NEW) -> 'refused', '[]') IN ('[]', to_jsonb(OLD) -> 'refused') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'what was said of a ticket stays' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ticketmessage_stays BEFORE DELETE OR UPDATE
    ON incidents_ticketmessage FOR EACH ROW EXECUTE FUNCTION incidents_words_stay();
CREATE TRIGGER ticketedit_stays BEFORE DELETE OR UPDATE
    ON incidents_ticketedit FOR EACH ROW EXECUTE FUNCTION incidents_words_stay();
"""

BACKWARD = """
DROP TRIGGER ticketedit_stays ON incidents_ticketedit;
DROP TRIGGER ticketmessage_stays ON incidents_ticketmessage;
DROP FUNCTION incidents_words_stay();
DROP TRIGGER ticketmail_stays ON incidents_ticketmail;
DROP TRIGGER ticketmiss_stays ON incidents_ticketmiss;
DROP TRIGGER ticket_stays ON incidents_ticket;
"""


class Migration(migrations.Migration):

    dependencies = [('incidents', '0003_room')]

    operations = [
        migrations.CreateModel(
            name='Article',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('slug', models.SlugField(editable=False, max_length=80)),
                ('title', models.CharField(max_length=160)),
                ('text', models.TextField(max_length=40000)),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('archived', 'Archived')], default='draft', editable=False, max_length=9)),
                ('audience', models.CharField(choices=[('internal', 'People of the workspace'), ('public', 'Everybody')], default='internal', max_length=8)),
                ('category', models.CharField(choices=[('question', 'A question'), ('infrastructure', 'Infrastructure'), ('database', 'Database'), ('security', 'Security'), ('deployment', 'Deployment'), ('migration', 'Migration'), ('integration', 'Integration'), ('access', 'Accounts and access'), ('other', 'Something else')], default='question', max_length=14)),
                ('runbooks', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), blank=True, default=list, size=None)),
                ('helped', models.PositiveIntegerField(default=0, editable=False)),
                ('helped_not', models.PositiveIntegerField(default=0, editable=False)),
                ('published_at', models.DateTimeField(editable=False, null=True)),
                ('made_by', models.CharField(editable=False, max_length=80)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('changed_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('search', models.GeneratedField(db_persist=True, expression=django.contrib.postgres.search.CombinedSearchVector(django.contrib.postgres.search.SearchVector('title', config='english', weight='A'), '||', django.contrib.postgres.search.SearchVector('text', config='english', weight='B'), django.contrib.postgres.search.SearchConfig('english')), output_field=django.contrib.postgres.search.SearchVectorField())),
                ('workspace', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'ordering': ['title', 'id'],
            },
        ),
        migrations.CreateModel(
            name='ArticleVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('title', models.CharField(max_length=160)),
                ('text', models.TextField(max_length=40000)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('by', models.CharField(max_length=80)),
                ('at', models.DateTimeField(default=controlplane.lib.clock.now)),
                ('article', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='incidents.article')),
            ],
            options={
                'ordering': ['article', '-number'],
            },
        ),
        migrations.CreateModel(
            name='CannedReply',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('title', models.CharField(max_length=120)),
                ('body', models.TextField(max_length=8000)),
                ('audience', models.CharField(choices=[('requester', 'Whoever asked'), ('desk', 'The desk alone')], default='requester', max_length=9)),
                ('category', models.CharField(blank=True, choices=[('question', 'A question'), ('infrastructure', 'Infrastructure'), ('database', 'Database'), ('security', 'Security'), ('deployment', 'Deployment'), ('migration', 'Migration'), ('integration', 'Integration'), ('access', 'Accounts and access'), ('other', 'Something else')], max_length=14)),
                ('shortcut', models.CharField(max_length=40, validators=[django.core.validators.RegexValidator('\\A[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?\\Z', 'Use a-z, 0-9 and dashes.')])),
                ('used', models.PositiveIntegerField(default=0, editable=False)),
                ('used_at', models.DateTimeField(editable=False, null=True)),
                ('is_active', models.BooleanField(default=True, editable=False)),
                ('made_by', models.CharField(editable=False, max_length=80)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('workspace', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'canned reply',
                'verbose_name_plural': 'canned replies',
                'ordering': ['title', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Holiday',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('day', models.DateField()),
                ('title', models.CharField(max_length=120)),
                ('hours', models.CharField(blank=True, max_length=120)),
                ('calendar', models.CharField(blank=True, editable=False, max_length=120)),
                ('made_by', models.CharField(editable=False, max_length=80)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('workspace', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='access.workspace')),
            ],
            options={
                'ordering': ['day', 'id'],
            },
        ),
        migrations.CreateModel(
            name='SupportChannel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('slug', models.CharField(max_length=40, validators=[django.core.validators.RegexValidator('\\A[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?\\Z', 'Use a-z, 0-9 and dashes.')])),
                ('title', models.CharField(max_length=80)),
                ('about', models.CharField(blank=True, max_length=300)),
                ('address', models.CharField(blank=True, max_length=200)),
                ('time_zone', models.CharField(default='UTC', max_length=64, validators=[controlplane.access.models.people.known_time_zone])),
                ('hours', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=120), size=None)),
                ('rests', models.BooleanField(default=True)),
                ('position', models.PositiveSmallIntegerField(default=100)),
                ('shipped_mark', models.CharField(blank=True, editable=False, max_length=64)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('workspace', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'support channel',
                'ordering': ['position', 'slug', 'id'],
            },
        ),
        migrations.CreateModel(
            name='SupportDoor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('slug', models.SlugField(max_length=40, unique=True)),
                ('title', models.CharField(max_length=80)),
                ('intro', models.CharField(blank=True, max_length=500)),
                ('is_open', models.BooleanField(default=False)),
                ('made_by', models.CharField(editable=False, max_length=80)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('workspace', models.OneToOneField(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'support page',
                'ordering': ['slug'],
            },
        ),
        migrations.CreateModel(
            name='Ticket',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('ref', models.CharField(editable=False, max_length=16)),
                ('subject', models.CharField(max_length=200)),
                ('status', models.CharField(choices=[('new', 'New'), ('acknowledged', 'Acknowledged'), ('triaged', 'Triaged'), ('working', 'In progress'), ('waiting', 'Waiting for the requester'), ('escalated', 'Escalated'), ('resolved', 'Resolved'), ('closed', 'Closed'), ('reopened', 'Reopened'), ('duplicate', 'Duplicate'), ('spam', 'Spam')], default='new', editable=False, max_length=12)),
                ('priority', models.CharField(choices=[('p0', 'P0'), ('p1', 'P1'), ('p2', 'P2')], default='p2', max_length=2)),
                ('category', models.CharField(choices=[('question', 'A question'), ('infrastructure', 'Infrastructure'), ('database', 'Database'), ('security', 'Security'), ('deployment', 'Deployment'), ('migration', 'Migration'), ('integration', 'Integration'), ('access', 'Accounts and access'), ('other', 'Something else')], default='other', max_length=14)),
                ('blocking', models.BooleanField(default=False)),
                ('source', models.CharField(choices=[('form', 'The form'), ('email', 'A mail'), ('api', 'The API'), ('console', 'The console')], editable=False, max_length=7)),
                ('channel', models.CharField(editable=False, max_length=40)),
                ('requester_name', models.CharField(blank=True, max_length=120)),
                ('requester_email', models.EmailField(blank=True, max_length=254)),
                ('resolution', models.TextField(blank=True, editable=False, max_length=8000)),
                ('opened_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('acknowledge_due_at', models.DateTimeField(editable=False, null=True)),
                ('acknowledged_at', models.DateTimeField(editable=False, null=True)),
                ('triage_due_at', models.DateTimeField(editable=False, null=True)),
                ('triaged_at', models.DateTimeField(editable=False, null=True)),
                ('respond_due_at', models.DateTimeField(editable=False, null=True)),
                ('responded_at', models.DateTimeField(editable=False, null=True)),
                ('next_update_due_at', models.DateTimeField(editable=False, null=True)),
                ('last_update_at', models.DateTimeField(editable=False, null=True)),
                ('escalated_at', models.DateTimeField(editable=False, null=True)),
                ('resolved_at', models.DateTimeField(editable=False, null=True)),
                ('closed_at', models.DateTimeField(editable=False, null=True)),
                ('reopened_at', models.DateTimeField(editable=False, null=True)),
                ('reopened', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('link_number', models.PositiveSmallIntegerField(default=1, editable=False)),
                ('created_by', models.CharField(editable=False, max_length=80)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('due_at', models.GeneratedField(db_persist=True, expression=models.Case(models.When(status__in=('new', 'acknowledged', 'triaged', 'working', 'waiting', 'escalated', 'reopened'), then=django.db.models.functions.comparison.Least(models.Case(models.When(acknowledged_at=None, then='acknowledge_due_at')), models.Case(models.When(then='triage_due_at', triaged_at=None)), models.Case(models.When(responded_at=None, then='respond_due_at')), 'next_update_due_at'))), output_field=models.DateTimeField(null=True))),
                ('search', models.GeneratedField(db_persist=True, expression=django.contrib.postgres.search.CombinedSearchVector(django.contrib.postgres.search.SearchVector('subject', config='english', weight='A'), '||', django.contrib.postgres.search.SearchVector(django.db.models.functions.text.Left('resolution', 20000), config='english', weight='B'), django.contrib.postgres.search.SearchConfig('english')), output_field=django.contrib.postgres.search.SearchVectorField())),
                ('acknowledged_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('assignee', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('contact', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='notify.contact')),
                ('duplicate_of', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='duplicates', to='incidents.ticket')),
                ('incident', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='tickets', to='incidents.incident')),
                ('item', models.OneToOneField(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='work.item')),
                ('requester', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('service', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='catalog.service')),
                ('snapshot', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='telemetry.healthsnapshot')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'support ticket',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='TicketMail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('outcome', models.CharField(choices=[('opened', 'Opened a ticket'), ('joined', 'Joined a ticket'), ('again', 'Came before'), ('own', 'One of ours that came back'), ('bounced', 'A mail of ours was not delivered'), ('refused', 'Refused')], max_length=7)),
                ('why', models.CharField(blank=True, max_length=200)),
                ('automatic', models.BooleanField(default=False)),
                ('message_id', models.CharField(blank=True, max_length=300)),
                ('sender', models.CharField(blank=True, max_length=254)),
                ('subject', models.CharField(blank=True, max_length=300)),
                ('size', models.PositiveIntegerField()),
                ('digest', models.CharField(max_length=64)),
                ('headers', models.JSONField(default=dict)),
                ('text', models.TextField(blank=True, max_length=200000)),
                ('at', models.DateTimeField(default=controlplane.lib.clock.now)),
                ('ticket', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='mails', to='incidents.ticket')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'support mail',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='TicketMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('request', 'The requester'), ('answer', 'Answer'), ('note', 'Internal note')], max_length=7)),
                ('text', models.TextField(max_length=20000)),
                ('files', models.JSONField(default=list, editable=False)),
                ('refused', models.JSONField(default=list, editable=False)),
                ('author', models.CharField(editable=False, max_length=80)),
                ('author_name', models.CharField(blank=True, editable=False, max_length=160)),
                ('source', models.CharField(choices=[('form', 'The form'), ('email', 'A mail'), ('api', 'The API'), ('console', 'The console')], editable=False, max_length=7)),
                ('message_id', models.CharField(blank=True, editable=False, max_length=300)),
                ('at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('search', models.GeneratedField(db_persist=True, expression=django.contrib.postgres.search.SearchVector(django.db.models.functions.text.Left('text', 20000), config='english'), output_field=django.contrib.postgres.search.SearchVectorField())),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='incidents.ticket')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='TicketEdit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('text', models.TextField(max_length=20000)),
                ('by', models.CharField(editable=False, max_length=80)),
                ('at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='edits', to='incidents.ticketmessage')),
            ],
            options={
                'ordering': ['message', 'number'],
            },
        ),
        migrations.CreateModel(
            name='TicketMiss',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('clock', models.CharField(choices=[('acknowledge', 'Acknowledge'), ('triage', 'Triage'), ('respond', 'Respond'), ('update', 'Update')], max_length=11)),
                ('due_at', models.DateTimeField()),
                ('priority', models.CharField(choices=[('p0', 'P0'), ('p1', 'P1'), ('p2', 'P2')], max_length=2)),
                ('times', models.PositiveIntegerField(default=1)),
                ('noticed_at', models.DateTimeField(default=controlplane.lib.clock.now)),
                ('ticket', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='misses', to='incidents.ticket')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'missed promise of a ticket',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='TicketRating',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stars', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(5)])),
                ('remark', models.CharField(blank=True, max_length=1000)),
                ('at', models.DateTimeField(default=controlplane.lib.clock.now)),
                ('ticket', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='rating', to='incidents.ticket')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'rating of a ticket',
                'ordering': ['-id'],
            },
        ),
        migrations.AddIndex(
            model_name='article',
            index=django.contrib.postgres.indexes.GinIndex(fields=['search'], name='article_search'),
        ),
        migrations.AddConstraint(
            model_name='article',
            constraint=models.UniqueConstraint(fields=('workspace', 'slug'), name='article_once'),
        ),
        migrations.AddConstraint(
            model_name='article',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'published'), _negated=True), ('published_at__isnull', False), _connector='OR'), name='article_published_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='articleversion',
            constraint=models.UniqueConstraint(fields=('article', 'number'), name='articleversion_once'),
        ),
        migrations.AddConstraint(
            model_name='cannedreply',
            constraint=models.UniqueConstraint(fields=('workspace', 'shortcut'), name='cannedreply_once'),
        ),
        migrations.AddConstraint(
            model_name='cannedreply',
            constraint=models.CheckConstraint(condition=models.Q(('body', ''), _negated=True), name='cannedreply_says'),
        ),
        migrations.AddConstraint(
            model_name='holiday',
            constraint=models.UniqueConstraint(fields=('workspace', 'day'), name='holiday_once'),
        ),
        migrations.AddConstraint(
            model_name='supportchannel',
            constraint=models.UniqueConstraint(fields=('workspace', 'slug'), name='supportchannel_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='supportchannel',
            constraint=models.CheckConstraint(condition=models.Q(('hours__len__gt', 0)), name='supportchannel_has_hours'),
        ),
        migrations.AddIndex(
            model_name='ticket',
            index=models.Index(fields=['workspace', '-id'], name='ticket_workspace'),
        ),
        migrations.AddIndex(
            model_name='ticket',
            index=models.Index(condition=models.Q(('status__in', ('new', 'acknowledged', 'triaged', 'working', 'waiting', 'escalated', 'reopened'))), fields=['workspace', 'due_at'], name='ticket_due'),
        ),
        migrations.AddIndex(
            model_name='ticket',
            index=models.Index(condition=models.Q(('status__in', ('new', 'acknowledged', 'triaged', 'working', 'waiting', 'escalated', 'reopened'))), fields=['workspace', 'assignee'], name='ticket_assigned'),
        ),
        migrations.AddIndex(
            model_name='ticket',
            index=models.Index(fields=['workspace', 'requester_email'], name='ticket_asked_by'),
        ),
        migrations.AddIndex(
            model_name='ticket',
            index=django.contrib.postgres.indexes.GinIndex(fields=['search'], name='ticket_search'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.UniqueConstraint(fields=('workspace', 'ref'), name='ticket_ref_once'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['resolved', 'closed']), _negated=True), models.Q(models.Q(('resolution', ''), _negated=True), ('resolved_at__isnull', False)), _connector='OR'), name='ticket_ends_with_a_note'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('duplicate_of__isnull', False), ('status', 'duplicate')), models.Q(models.Q(('status', 'duplicate'), _negated=True), ('duplicate_of', None)), _connector='OR'), name='ticket_is_a_duplicate_of_one'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'escalated'), _negated=True), ('incident__isnull', False), _connector='OR'), name='ticket_escalated_to_an_incident'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['acknowledged', 'triaged', 'working', 'waiting']), _negated=True), ('acknowledged_at__isnull', False), _connector='OR'), name='ticket_worked_on_is_acknowledged'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(('requester__isnull', False), ('contact__isnull', False), models.Q(('requester_email', ''), _negated=True), models.Q(('requester_name', ''), _negated=True), _connector='OR'), name='ticket_asked_by_somebody'),
        ),
        migrations.AddIndex(
            model_name='ticketmail',
            index=models.Index(fields=['workspace', '-id'], name='ticketmail_workspace'),
        ),
        migrations.AddIndex(
            model_name='ticketmail',
            index=models.Index(fields=['at'], name='ticketmail_at'),
        ),
        migrations.AddIndex(
            model_name='ticketmail',
            index=models.Index(fields=['workspace', 'digest'], name='ticketmail_digest'),
        ),
        migrations.AddIndex(
            model_name='ticketmessage',
            index=models.Index(fields=['ticket', 'id'], name='ticketmessage_in_order'),
        ),
        migrations.AddIndex(
            model_name='ticketmessage',
            index=django.contrib.postgres.indexes.GinIndex(fields=['search'], name='ticketmessage_search'),
        ),
        migrations.AddConstraint(
            model_name='ticketmessage',
            constraint=models.UniqueConstraint(condition=models.Q(('message_id', ''), _negated=True), fields=('workspace', 'message_id'), name='ticketmessage_mail_once'),
        ),
        migrations.AddConstraint(
            model_name='ticketmessage',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('text', ''), _negated=True), models.Q(('files', []), _negated=True), models.Q(('refused', []), _negated=True), _connector='OR'), name='ticketmessage_says'),
        ),
        migrations.AddConstraint(
            model_name='ticketedit',
            constraint=models.UniqueConstraint(fields=('message', 'number'), name='ticketedit_once'),
        ),
        migrations.AddConstraint(
            model_name='ticketedit',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='ticketedit_says'),
        ),
        migrations.AddIndex(
            model_name='ticketmiss',
            index=models.Index(fields=['workspace', 'due_at'], name='ticketmiss_due'),
        ),
        migrations.AddConstraint(
            model_name='ticketmiss',
            constraint=models.UniqueConstraint(fields=('ticket', 'clock', 'due_at'), name='ticketmiss_once'),
        ),
        migrations.AddConstraint(
            model_name='ticketmiss',
            constraint=models.CheckConstraint(condition=models.Q(('times__gte', 1)), name='ticketmiss_counts'),
        ),
        migrations.AddConstraint(
            model_name='ticketrating',
            constraint=models.CheckConstraint(condition=models.Q(('stars__gte', 1), ('stars__lte', 5)), name='ticketrating_of_five'),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
