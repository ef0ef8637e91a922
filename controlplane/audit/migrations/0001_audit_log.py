import controlplane.audit.models
import controlplane.lib.clock
import controlplane.lib.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='AuditPending',
            fields=[
                ('event_id', models.BigIntegerField(primary_key=True, serialize=False)),
            ],
        ),
        migrations.CreateModel(
            name='AuditSeal',
            fields=[
                ('n', models.BigIntegerField(primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('batch', 'Batch'), ('prune', 'Prune')], default='batch', max_length=6)),
                ('at', models.DateTimeField()),
                ('ids', controlplane.audit.models.IdRanges()),
                ('count', models.PositiveIntegerField()),
                ('leaves', models.BinaryField()),
                ('root', models.BinaryField(max_length=32)),
                ('prev', models.BinaryField(max_length=32)),
                ('hash', models.BinaryField(max_length=32, unique=True)),
                ('key_id', models.CharField(max_length=16)),
                ('sig', models.BinaryField(max_length=32)),
            ],
            options={
                'verbose_name': 'seal',
                'ordering': ['-n'],
            },
        ),
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('at', models.DateTimeField(editable=False)),
                ('workspace_id', models.BigIntegerField(editable=False, null=True)),
                ('actor_kind', models.CharField(choices=[('person', 'Person'), ('agent', 'Agent'), ('service', 'Service account'), ('job', 'Job'), ('anonymous', 'Not signed in')], editable=False, max_length=12)),
                ('actor_ref', models.CharField(editable=False, max_length=80)),
                ('actor_label', models.CharField(editable=False, max_length=200)),
                ('action', models.CharField(editable=False, max_length=80)),
                ('subject_type', models.CharField(editable=False, max_length=80)),
                ('subject_ref', models.CharField(editable=False, max_length=160)),
                ('subject_label', models.CharField(editable=False, max_length=200)),
                ('outcome', models.CharField(choices=[('done', 'Done'), ('denied', 'Denied'), ('failed', 'Failed')], editable=False, max_length=8)),
                ('reason', models.CharField(editable=False, max_length=1000)),
                ('rule', models.CharField(editable=False, max_length=80)),
                ('before', models.JSONField(editable=False, null=True)),
                ('after', models.JSONField(editable=False, null=True)),
                ('details', models.JSONField(editable=False, null=True)),
                ('source', models.CharField(editable=False, max_length=20)),
                ('request_id', models.CharField(editable=False, max_length=128)),
                ('correlation_id', models.CharField(editable=False, max_length=128)),
                ('address', models.CharField(editable=False, max_length=45)),
                ('form', models.SmallIntegerField(editable=False)),
                ('leaf', models.BinaryField(max_length=32)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['workspace_id', 'id'], name='audit_workspace'), models.Index(fields=['subject_ref', 'id'], name='audit_subject'), models.Index(fields=['actor_ref', 'id'], name='audit_actor'), models.Index(fields=['action', 'id'], name='audit_action'), models.Index(condition=models.Q(('request_id', ''), _negated=True), fields=['request_id', 'id'], name='audit_request'), models.Index(condition=models.Q(('outcome', 'denied')), fields=['at'], name='audit_denied')],
                'constraints': [models.CheckConstraint(condition=models.Q(('outcome__in', ['done', 'denied', 'failed'])), name='audit_outcome_known'), models.CheckConstraint(condition=models.Q(('action', ''), _negated=True), name='audit_action_named')],
            },
        ),
        migrations.CreateModel(
            name='AuditReview',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('workspace_id', models.BigIntegerField(editable=False)),
                ('week', models.CharField(max_length=8)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('extract', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now)),
                ('signed_at', models.DateTimeField(null=True)),
                ('signed_by', models.CharField(blank=True, max_length=200)),
                ('statement', models.TextField(blank=True)),
            ],
            options={
                'verbose_name': 'weekly review',
                'ordering': ['-since'],
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'week'), name='audit_review_once_a_week'), models.CheckConstraint(condition=models.Q(('signed_at', None), models.Q(('statement', ''), _negated=True), _connector='OR'), name='audit_review_signed_with_words')],
            },
        ),
    ]
