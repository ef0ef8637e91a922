"""Threads, what is said in them, and how agents are woken."""

import controlplane.lib.clock
import controlplane.lib.ids
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('access', '0002_agents_owners_before'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('notify', '0005_contacts_are_called'),
        ('work', '0002_append_only'),
    ]

    operations = [
        migrations.CreateModel(
            name='AgentPulse',
            fields=[
                ('agent', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='access.agent')),
                ('seen_at', models.DateTimeField()),
                ('paced_until', models.DateTimeField()),
                ('wakes_paused', models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name='RuntimeSession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('session_id', models.CharField(max_length=128)),
                ('runtime', models.CharField(max_length=60)),
                ('adapter', models.CharField(choices=[('pull', 'Reads by itself'), ('webhook', 'Webhook'), ('tmux', 'tmux pane'), ('command', 'Command'), ('mcp', 'Push over MCP'), ('sse', 'Push over its event stream')], default='pull', max_length=8)),
                ('target', models.CharField(blank=True, max_length=500)),
                ('secret', models.TextField(blank=True, editable=False)),
                ('management', models.CharField(choices=[('managed', 'Managed'), ('unmanaged', 'Unmanaged')], default='unmanaged', max_length=9)),
                ('resumable', models.BooleanField(default=False)),
                ('status', models.CharField(choices=[('active', 'Active'), ('idle', 'Idle'), ('offline', 'Offline')], default='active', max_length=7)),
                ('paused', models.BooleanField(default=False)),
                ('operator_busy_until', models.DateTimeField(blank=True, null=True)),
                ('failures', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('disabled_reason', models.CharField(blank=True, editable=False, max_length=300)),
                ('beat_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('connected_at', models.DateTimeField(editable=False, null=True)),
                ('connected_until', models.DateTimeField(editable=False, null=True)),
                ('connected_by', models.CharField(blank=True, default='', editable=False, max_length=40)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('agent', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='access.agent')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'ordering': ['-beat_at'],
            },
        ),
        migrations.CreateModel(
            name='Thread',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('ref', models.CharField(editable=False, max_length=16)),
                ('title', models.CharField(max_length=200)),
                ('kind', models.CharField(choices=[('conversation', 'Conversation'), ('workflow', 'Workflow'), ('incident', 'Incident')], default='conversation', max_length=12)),
                ('status', models.CharField(choices=[('active', 'Active'), ('blocked', 'Blocked'), ('resolved', 'Resolved'), ('closed', 'Closed')], default='active', editable=False, max_length=8)),
                ('status_reason', models.CharField(blank=True, editable=False, max_length=500)),
                ('status_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('blocked_by', models.CharField(blank=True, choices=[('', '–'), ('no_progress', 'No progress'), ('repeated_finding', 'The same finding again and again')], default='', editable=False, max_length=16)),
                ('wakes_paused', models.BooleanField(default=False, editable=False)),
                ('last_seq', models.BigIntegerField(default=0, editable=False)),
                ('last_message_at', models.DateTimeField(editable=False, null=True)),
                ('paced_until', models.DateTimeField(editable=False, null=True)),
                ('idle_turns', models.PositiveIntegerField(default=0, editable=False)),
                ('findings', models.JSONField(default=dict, editable=False)),
                ('guarded_seq', models.BigIntegerField(default=0, editable=False)),
                ('created_by', models.CharField(editable=False, max_length=80)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('archived_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('cleared_at', models.DateTimeField(editable=False, null=True)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('escalation_owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('item', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='threads', to='work.item')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Participant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('role', models.SlugField(max_length=40)),
                ('wakes', models.BooleanField(default=True)),
                ('last_read_seq', models.BigIntegerField(default=0, editable=False)),
                ('last_acked', models.UUIDField(editable=False, null=True)),
                ('read_at', models.DateTimeField(editable=False, null=True)),
                ('joined_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('left_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('added_by', models.CharField(editable=False, max_length=80)),
                ('agent', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.agent')),
                ('thread', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='participants', to='threads.thread')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('seq', models.BigIntegerField(editable=False)),
                ('schema_version', models.PositiveSmallIntegerField(default=1, editable=False)),
                ('kind', models.CharField(choices=[('chat', 'Chat'), ('event', 'Event'), ('system', 'System')], editable=False, max_length=6)),
                ('event', models.CharField(blank=True, default='', editable=False, max_length=60)),
                ('body', models.TextField(editable=False)),
                ('metadata', models.JSONField(default=dict, editable=False)),
                ('in_reply_to', models.BigIntegerField(editable=False, null=True)),
                ('to', models.CharField(choices=[('all', 'Everybody'), ('role', 'A role'), ('agents', 'Named agents')], default='all', editable=False, max_length=6)),
                ('to_role', models.CharField(blank=True, default='', editable=False, max_length=40)),
                ('to_agents', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, editable=False, size=None)),
                ('sender_ref', models.CharField(editable=False, max_length=80)),
                ('sender_label', models.CharField(editable=False, max_length=200)),
                ('session', models.CharField(blank=True, default='', editable=False, max_length=128)),
                ('idempotency_key', models.CharField(editable=False, max_length=200, null=True)),
                ('content_hash', models.BinaryField(max_length=32)),
                ('correlation_id', models.CharField(blank=True, default='', editable=False, max_length=128)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('agent', models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.agent')),
                ('user', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('thread', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='threads.thread')),
            ],
            options={
                'ordering': ['thread_id', 'seq'],
            },
        ),
        migrations.CreateModel(
            name='ThreadEscalationPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('kind', models.CharField(blank=True, choices=[('conversation', 'Conversation'), ('workflow', 'Workflow'), ('incident', 'Incident')], default='', max_length=12)),
                ('what', models.CharField(choices=[('no_progress', 'A guard: no progress'), ('repeated_finding', 'A guard: the same finding again'), ('blocked', 'Blocked by somebody'), ('dead_wake', 'A wake was given up'), ('held_wake', 'A limit holds a wake back'), ('unread', 'Unread for too long')], max_length=16)),
                ('after_minutes', models.PositiveIntegerField(default=0)),
                ('whom', models.CharField(choices=[('owner', 'Who is asked in the thread, or its owner'), ('on_duty', 'Whoever is on duty for a role'), ('role', 'Everybody with a role'), ('channel', 'A channel')], default='owner', max_length=8)),
                ('role', models.CharField(blank=True, default='', max_length=40)),
                ('pages', models.BooleanField(default=False)),
                ('opens_item', models.BooleanField(default=False)),
                ('created_by', models.CharField(editable=False, max_length=80)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('removed_at', models.DateTimeField(editable=False, null=True)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('channel', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='notify.channel')),
                ('item_owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'escalation rule',
                'verbose_name_plural': 'escalation rules',
                'ordering': ['what', 'kind', 'after_minutes', 'id'],
            },
        ),
        migrations.CreateModel(
            name='WakeTrigger',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('leased', 'Being worked on'), ('done', 'Done'), ('dead', 'Dead'), ('cancelled', 'Cancelled')], default='waiting', editable=False, max_length=10)),
                ('ready_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('lease_token', models.UUIDField(editable=False, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('max_attempts', models.PositiveSmallIntegerField(default=8)),
                ('last_error', models.TextField(blank=True, default='', editable=False)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('claimed_at', models.DateTimeField(editable=False, null=True)),
                ('finished_at', models.DateTimeField(editable=False, null=True)),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('triggering', 'Waking'), ('deferred', 'Held back'), ('timeout', 'Not answered'), ('failed', 'Not delivered'), ('fallback_resume', 'Resuming'), ('fallback_spawn', 'Spawning'), ('delivered', 'Awake'), ('dead', 'Given up'), ('cancelled', 'Taken back')], default='queued', editable=False, max_length=15)),
                ('reason', models.CharField(choices=[('unread', 'Unread messages'), ('asked', 'Somebody asked')], default='unread', max_length=6)),
                ('why', models.CharField(blank=True, max_length=500)),
                ('prompt', models.TextField(blank=True)),
                ('from_seq', models.BigIntegerField(default=0)),
                ('to_seq', models.BigIntegerField(default=0)),
                ('forced', models.BooleanField(default=False)),
                ('asked_by', models.CharField(blank=True, max_length=80)),
                ('request_key', models.CharField(editable=False, max_length=200, null=True)),
                ('correlation_id', models.CharField(blank=True, default='', editable=False, max_length=128)),
                ('requeues', models.PositiveSmallIntegerField(db_default=0, default=0, editable=False)),
                ('live_tries', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('resume_tries', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('spawn_tries', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('deferrals', models.PositiveIntegerField(default=0, editable=False)),
                ('deferred_since', models.DateTimeField(editable=False, null=True)),
                ('sent_at', models.DateTimeField(editable=False, null=True)),
                ('acked_at', models.DateTimeField(editable=False, null=True)),
                ('acked_by', models.CharField(blank=True, editable=False, max_length=9)),
                ('result', models.CharField(blank=True, editable=False, max_length=16)),
                ('error_code', models.CharField(blank=True, editable=False, max_length=40)),
                ('message_at', models.DateTimeField(editable=False, null=True)),
                ('told_at', models.DateTimeField(editable=False, null=True)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('agent', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='access.agent')),
                ('participant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='threads.participant')),
                ('session', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='threads.runtimesession')),
                ('thread', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='wakes', to='threads.thread')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'wake',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='WakeRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('path', models.CharField(choices=[('live', 'Live session'), ('resume', 'Resumed'), ('spawn', 'Spawned')], max_length=6)),
                ('argv', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=500), default=list, size=None)),
                ('status', models.CharField(choices=[('running', 'Running'), ('completed', 'Completed'), ('failed', 'Failed'), ('timed_out', 'Took too long'), ('killed', 'Ended by somebody'), ('orphaned', 'Lost from sight')], default='running', max_length=9)),
                ('host', models.CharField(max_length=120)),
                ('pid', models.BigIntegerField(null=True)),
                ('process_started', models.CharField(blank=True, max_length=40)),
                ('supervisor', models.CharField(max_length=120)),
                ('deadline_at', models.DateTimeField()),
                ('kill_asked_at', models.DateTimeField(null=True)),
                ('kill_asked_by', models.CharField(blank=True, max_length=80)),
                ('exit_code', models.IntegerField(null=True)),
                ('output', models.TextField(blank=True)),
                ('started_at', models.DateTimeField(default=controlplane.lib.clock.now)),
                ('ended_at', models.DateTimeField(null=True)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('agent', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='access.agent')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.workspace')),
                ('trigger', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='threads.waketrigger')),
            ],
            options={
                'verbose_name': 'wake command',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='WakeAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('path', models.CharField(choices=[('live', 'Live session'), ('resume', 'Resumed'), ('spawn', 'Spawned')], max_length=6)),
                ('adapter', models.CharField(max_length=8)),
                ('result', models.CharField(max_length=16)),
                ('error_code', models.CharField(blank=True, max_length=40)),
                ('detail', models.CharField(blank=True, max_length=500)),
                ('duration_ms', models.PositiveIntegerField(default=0)),
                ('supervisor', models.CharField(blank=True, max_length=120)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('pushed_at', models.DateTimeField(editable=False, null=True)),
                ('session', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='threads.runtimesession')),
                ('trigger', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tries', to='threads.waketrigger')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddIndex(
            model_name='runtimesession',
            index=models.Index(fields=['agent', '-beat_at'], name='runtime_of_agent'),
        ),
        migrations.AddConstraint(
            model_name='runtimesession',
            constraint=models.UniqueConstraint(fields=('workspace', 'agent', 'session_id'), name='runtime_session_once'),
        ),
        migrations.AddConstraint(
            model_name='runtimesession',
            constraint=models.CheckConstraint(condition=models.Q(('session_id', ''), _negated=True), name='runtime_session_named'),
        ),
        migrations.AddConstraint(
            model_name='runtimesession',
            constraint=models.CheckConstraint(condition=models.Q(('runtime', ''), _negated=True), name='runtime_named'),
        ),
        migrations.AddConstraint(
            model_name='runtimesession',
            constraint=models.CheckConstraint(condition=models.Q(('adapter__in', ['pull', 'command', 'mcp', 'sse']), models.Q(('target', ''), _negated=True), _connector='OR'), name='runtime_has_target'),
        ),
        migrations.AddConstraint(
            model_name='runtimesession',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('connected_at', None), ('connected_until', None)), models.Q(('connected_at__isnull', False), ('connected_until__isnull', False)), _connector='OR'), name='runtime_connected_until'),
        ),
        migrations.AddIndex(
            model_name='thread',
            index=models.Index(fields=['workspace', '-id'], name='thread_newest'),
        ),
        migrations.AddIndex(
            model_name='thread',
            index=models.Index(fields=['workspace', 'status', '-id'], name='thread_of_status'),
        ),
        migrations.AddConstraint(
            model_name='thread',
            constraint=models.UniqueConstraint(fields=('workspace', 'ref'), name='thread_ref_once'),
        ),
        migrations.AddConstraint(
            model_name='thread',
            constraint=models.CheckConstraint(condition=models.Q(('title__regex', '^\\s*$'), _negated=True), name='thread_has_title'),
        ),
        migrations.AddConstraint(
            model_name='thread',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['conversation', 'workflow', 'incident'])), name='thread_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='thread',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['active', 'blocked', 'resolved', 'closed'])), name='thread_status_known'),
        ),
        migrations.AddConstraint(
            model_name='thread',
            constraint=models.CheckConstraint(condition=models.Q(('blocked_by', ''), ('status', 'blocked'), _connector='OR'), name='thread_guard_blocks'),
        ),
        migrations.AddConstraint(
            model_name='thread',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'blocked'), _negated=True), models.Q(('status_reason', ''), _negated=True), _connector='OR'), name='thread_blocked_says_why'),
        ),
        migrations.AddConstraint(
            model_name='thread',
            constraint=models.CheckConstraint(condition=models.Q(('archived_at', None), ('status', 'closed'), _connector='OR'), name='thread_archived_is_closed'),
        ),
        migrations.AddConstraint(
            model_name='thread',
            constraint=models.CheckConstraint(condition=models.Q(('cleared_at', None), ('archived_at__isnull', False), _connector='OR'), name='thread_cleared_was_archived'),
        ),
        migrations.AddConstraint(
            model_name='thread',
            constraint=models.CheckConstraint(condition=models.Q(('last_seq__gte', 0)), name='thread_counts_up'),
        ),
        migrations.AddIndex(
            model_name='participant',
            index=models.Index(fields=['agent', 'thread'], name='participant_of_agent'),
        ),
        migrations.AddConstraint(
            model_name='participant',
            constraint=models.UniqueConstraint(fields=('thread', 'agent'), name='participant_once'),
        ),
        migrations.AddConstraint(
            model_name='participant',
            constraint=models.CheckConstraint(condition=models.Q(('role', ''), _negated=True), name='participant_has_role'),
        ),
        migrations.AddConstraint(
            model_name='participant',
            constraint=models.CheckConstraint(condition=models.Q(('last_read_seq__gte', 0)), name='participant_cursor'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.search.SearchVector('body', config='simple'), name='message_words'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('idempotency_key__isnull', False)), fields=['created_at'], name='message_keys_old'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['agent', '-id'], name='message_of_agent'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('thread', 'seq'), name='message_seq_once'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(condition=models.Q(('idempotency_key__isnull', False)), fields=('thread', 'sender_ref', 'idempotency_key'), name='message_key_once'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('seq__gte', 1)), name='message_seq_counts'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['chat', 'event', 'system'])), name='message_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'event'), models.Q(('event', ''), _negated=True)), models.Q(models.Q(('kind', 'event'), _negated=True), ('event', '')), _connector='OR'), name='message_event_is_named'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('to', 'all'), ('to_agents', []), ('to_role', '')), models.Q(('to', 'role'), ('to_agents', []), models.Q(('to_role', ''), _negated=True)), models.Q(('to', 'agents'), ('to_role', ''), models.Q(('to_agents', []), _negated=True)), _connector='OR'), name='message_addressed'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('in_reply_to', None), ('in_reply_to__gte', 1), _connector='OR'), name='message_replies_to_one'),
        ),
        migrations.AddConstraint(
            model_name='threadescalationpolicy',
            constraint=models.UniqueConstraint(condition=models.Q(('removed_at', None)), fields=('workspace', 'kind', 'what', 'after_minutes', 'whom', 'role', 'channel'), name='thread_escalation_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='threadescalationpolicy',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('channel', None), ('role', ''), ('whom', 'owner')), models.Q(('channel', None), ('whom__in', ['on_duty', 'role']), models.Q(('role', ''), _negated=True)), models.Q(('channel__isnull', False), ('role', ''), ('whom', 'channel')), _connector='OR'), name='thread_escalation_names_one'),
        ),
        migrations.AddConstraint(
            model_name='threadescalationpolicy',
            constraint=models.CheckConstraint(condition=models.Q(('after_minutes__lte', 10080)), name='thread_escalation_within_a_week'),
        ),
        migrations.AddConstraint(
            model_name='threadescalationpolicy',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('what', 'unread'), _negated=True), ('after_minutes__gte', 1), _connector='OR'), name='thread_escalation_unread_waits'),
        ),
        migrations.AddConstraint(
            model_name='threadescalationpolicy',
            constraint=models.CheckConstraint(condition=models.Q(('item_owner', None), ('opens_item', True), _connector='OR'), name='thread_escalation_owns_an_item'),
        ),
        migrations.AddIndex(
            model_name='waketrigger',
            index=models.Index(condition=models.Q(('state__in', ('waiting', 'leased'))), fields=['ready_at', 'id'], name='wake_ready'),
        ),
        migrations.AddIndex(
            model_name='waketrigger',
            index=models.Index(condition=models.Q(('state', 'dead')), fields=['id'], name='wake_dead'),
        ),
        migrations.AddIndex(
            model_name='waketrigger',
            index=models.Index(condition=models.Q(models.Q(('state__in', ('waiting', 'leased')), _negated=True), ('told_at', None)), fields=['id'], name='wake_untold'),
        ),
        migrations.AddIndex(
            model_name='waketrigger',
            index=models.Index(fields=['thread', '-id'], name='wake_of_thread'),
        ),
        migrations.AddIndex(
            model_name='waketrigger',
            index=models.Index(fields=['participant', '-id'], name='wake_of_participant'),
        ),
        migrations.AddIndex(
            model_name='waketrigger',
            index=models.Index(fields=['agent', '-created_at'], name='wake_of_agent'),
        ),
        migrations.AddConstraint(
            model_name='waketrigger',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('waiting', 'leased'))), fields=('participant',), name='wake_one_open'),
        ),
        migrations.AddConstraint(
            model_name='waketrigger',
            constraint=models.UniqueConstraint(condition=models.Q(('request_key__isnull', False)), fields=('workspace', 'request_key'), name='wake_request_once'),
        ),
        migrations.AddIndex(
            model_name='wakerun',
            index=models.Index(condition=models.Q(('status', 'running')), fields=['agent'], name='wake_run_running'),
        ),
        migrations.AddConstraint(
            model_name='wakerun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('status', 'running')), models.Q(models.Q(('status', 'running'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='wake_run_ended'),
        ),
        migrations.AddIndex(
            model_name='wakeattempt',
            index=models.Index(condition=models.Q(('adapter__in', ['mcp', 'sse']), ('pushed_at', None), ('result', 'sent')), fields=['session'], name='wake_attempt_to_push'),
        ),
        migrations.AddConstraint(
            model_name='wakeattempt',
            constraint=models.UniqueConstraint(fields=('trigger', 'number'), name='wake_attempt_once'),
        ),
    ]
