import controlplane.lib.clock
import controlplane.lib.ids
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('access', '0001_people_and_agents'),
    ]

    operations = [
        migrations.CreateModel(
            name='Environment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('slug', models.CharField(max_length=50, validators=[django.core.validators.RegexValidator('\\A[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?\\Z', 'Use a-z, 0-9 and dashes.')])),
                ('name', models.CharField(max_length=60)),
                ('order', models.PositiveSmallIntegerField(default=0)),
                ('purpose', models.CharField(max_length=200)),
                ('update_frequency', models.CharField(max_length=200)),
                ('data_class', models.CharField(choices=[('seeded', 'Seeded test data'), ('sanitised', 'Sanitised snapshot of production'), ('real', 'Real user data')], max_length=10)),
                ('needs_approval', models.BooleanField(default=False)),
                ('releases_per_week', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('data_refresh_days', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('debug_allowed', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='environments', to='access.workspace')),
            ],
            options={
                'ordering': ['order', 'slug'],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'slug'), name='environment_slug_unique'), models.CheckConstraint(condition=models.Q(models.Q(('data_class', 'real'), _negated=True), models.Q(('debug_allowed', False), ('needs_approval', True)), _connector='OR'), name='environment_real_data_guarded', violation_error_message='Where real user data is, releases need approval and debugging stays off.')],
            },
        ),
        migrations.CreateModel(
            name='Integration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('ref', models.CharField(editable=False, max_length=16)),
                ('slug', models.CharField(max_length=50, validators=[django.core.validators.RegexValidator('\\A[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?\\Z', 'Use a-z, 0-9 and dashes.')])),
                ('name', models.CharField(max_length=120)),
                ('kind', models.CharField(choices=[('tool_router', 'Tool router'), ('toolkit', 'Toolkit'), ('chat', 'Chat and streaming'), ('agents', 'Agent framework'), ('model', 'Model provider'), ('database', 'Database and storage'), ('other', 'Other')], default='other', max_length=12)),
                ('description', models.CharField(blank=True, max_length=500)),
                ('owner_role', models.CharField(blank=True, max_length=40)),
                ('is_active', models.BooleanField(default=True, editable=False)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('status', models.CharField(choices=[('closed', 'Closed: calls go through'), ('open', 'Open: do not call'), ('half_open', 'Half open: one may try')], default='closed', editable=False, max_length=10)),
                ('cause', models.CharField(blank=True, choices=[('', '–'), ('failures', 'Failures in a row'), ('hand', 'By hand'), ('incident', 'By an incident')], default='', editable=False, max_length=10)),
                ('opened_by', models.CharField(blank=True, editable=False, max_length=200)),
                ('opened_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('reason', models.CharField(blank=True, editable=False, max_length=300)),
                ('retry_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('trials', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('trial_token', models.UUIDField(blank=True, editable=False, null=True)),
                ('trial_until', models.DateTimeField(blank=True, editable=False, null=True)),
                ('failures_in_a_row', models.PositiveIntegerField(default=0, editable=False)),
                ('last_success_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_failure_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_error', models.CharField(blank=True, editable=False, max_length=300)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='integrations', to='access.workspace')),
            ],
            options={
                'ordering': ['name', 'id'],
                'constraints': [models.UniqueConstraint(models.F('workspace'), django.db.models.functions.text.Lower('slug'), name='integration_slug_unique'), models.UniqueConstraint(fields=('workspace', 'ref'), name='integration_ref_unique'), models.CheckConstraint(condition=models.Q(('status', 'closed'), models.Q(('cause__gt', ''), ('opened_at__isnull', False)), _connector='OR'), name='integration_open_has_cause'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'closed'), _negated=True), ('retry_at', None), _connector='OR'), name='integration_closed_is_calm'), models.CheckConstraint(condition=models.Q(models.Q(('trial_token', None), ('trial_until', None)), models.Q(('status', 'half_open'), ('trial_token__isnull', False), ('trial_until__isnull', False)), _connector='OR'), name='integration_trial_is_half_open')],
            },
        ),
        migrations.CreateModel(
            name='Probe',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('pushed', models.BooleanField(default=False)),
                ('url', models.CharField(blank=True, max_length=500)),
                ('expected_status', models.PositiveSmallIntegerField(default=200, validators=[django.core.validators.MinValueValidator(100), django.core.validators.MaxValueValidator(599)])),
                ('every_s', models.PositiveIntegerField(default=60, validators=[django.core.validators.MinValueValidator(30), django.core.validators.MaxValueValidator(86400)])),
                ('timeout_s', models.PositiveSmallIntegerField(default=5, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10)])),
                ('down_after', models.PositiveSmallIntegerField(default=2, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10)])),
                ('is_active', models.BooleanField(default=True, editable=False)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('on_since', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('health', models.CharField(choices=[('unknown', 'Not known yet'), ('up', 'Up'), ('down', 'Down')], default='unknown', editable=False, max_length=8)),
                ('since', models.DateTimeField(blank=True, editable=False, null=True)),
                ('failures_in_a_row', models.PositiveIntegerField(default=0, editable=False)),
                ('failing_since', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_latency_ms', models.PositiveIntegerField(blank=True, editable=False, null=True)),
                ('last_error', models.CharField(blank=True, editable=False, max_length=300)),
                ('next_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('environment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='probes', to='catalog.environment')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='probes', to='access.workspace')),
            ],
            options={
                'ordering': ['service__name', 'environment__order', 'id'],
            },
        ),
        migrations.CreateModel(
            name='ProbeResult',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=controlplane.lib.clock.now)),
                ('ok', models.BooleanField()),
                ('status_code', models.PositiveSmallIntegerField(null=True)),
                ('latency_ms', models.PositiveIntegerField(null=True)),
                ('error', models.CharField(blank=True, max_length=300)),
                ('probe', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='results', to='catalog.probe')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['probe', '-at'], name='proberesult_probe_at'), models.Index(fields=['at'], name='proberesult_at'), models.Index(condition=models.Q(('ok', False)), fields=['-id'], name='proberesult_failed')],
            },
        ),
        migrations.CreateModel(
            name='Service',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('ref', models.CharField(editable=False, max_length=16)),
                ('slug', models.CharField(max_length=50, validators=[django.core.validators.RegexValidator('\\A[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?\\Z', 'Use a-z, 0-9 and dashes.')])),
                ('name', models.CharField(max_length=120)),
                ('kind', models.CharField(choices=[('frontend', 'Front end'), ('agent', 'Agent service'), ('database', 'Database'), ('storage', 'Storage'), ('portal', 'This portal'), ('other', 'Other')], default='other', max_length=10)),
                ('description', models.CharField(blank=True, max_length=500)),
                ('host', models.CharField(blank=True, max_length=200)),
                ('runtime', models.CharField(blank=True, max_length=120)),
                ('owner_role', models.CharField(blank=True, max_length=40)),
                ('tier', models.PositiveSmallIntegerField(choices=[(1, '1: users feel it at once'), (2, '2: users feel it soon'), (3, '3: users do not feel it')], default=2)),
                ('uptime_target', models.DecimalField(decimal_places=3, default=Decimal('99.9'), max_digits=6, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)])),
                ('status', models.CharField(choices=[('active', 'Active'), ('retired', 'Retired')], default='active', editable=False, max_length=10)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='services', to='access.workspace')),
            ],
            options={
                'ordering': ['name', 'id'],
                'constraints': [models.UniqueConstraint(models.F('workspace'), django.db.models.functions.text.Lower('slug'), name='service_slug_unique'), models.UniqueConstraint(fields=('workspace', 'ref'), name='service_ref_unique'), models.CheckConstraint(condition=models.Q(('tier__gte', 1), ('tier__lte', 3)), name='service_tier_one_to_three'), models.CheckConstraint(condition=models.Q(('uptime_target__gte', 0), ('uptime_target__lte', 100)), name='service_target_is_percent')],
            },
        ),
        migrations.AddField(
            model_name='probe',
            name='service',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='probes', to='catalog.service'),
        ),
        migrations.CreateModel(
            name='DownInterval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(blank=True, null=True)),
                ('first_error', models.CharField(blank=True, max_length=300)),
                ('told', models.BooleanField(default=False, editable=False)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='access.workspace')),
                ('environment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='catalog.environment')),
                ('probe', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='down_intervals', to='catalog.probe')),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='down_intervals', to='catalog.service')),
            ],
            options={
                'verbose_name': 'outage',
                'ordering': ['-starts_at', '-id'],
                'indexes': [models.Index(fields=['service', 'environment', 'starts_at'], name='downinterval_where')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ends_at', None)), fields=('probe',), name='downinterval_one_open'), models.CheckConstraint(condition=models.Q(('ends_at', None), ('ends_at__gte', models.F('starts_at')), _connector='OR'), name='downinterval_ends_later')],
            },
        ),
        migrations.CreateModel(
            name='Component',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('slug', models.CharField(max_length=50, validators=[django.core.validators.RegexValidator('\\A[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?\\Z', 'Use a-z, 0-9 and dashes.')])),
                ('name', models.CharField(max_length=120)),
                ('kind', models.CharField(choices=[('frontend', 'Front end'), ('agent', 'Agent service'), ('database', 'Database'), ('schema', 'Database schema'), ('portal', 'This portal'), ('other', 'Other')], default='other', max_length=10)),
                ('description', models.CharField(blank=True, max_length=500)),
                ('is_public', models.BooleanField(default=False)),
                ('order', models.PositiveSmallIntegerField(default=0)),
                ('is_active', models.BooleanField(default=True, editable=False)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='components', to='access.workspace')),
                ('service', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='components', to='catalog.service')),
            ],
            options={
                'ordering': ['order', 'name', 'id'],
                'constraints': [models.UniqueConstraint(models.F('workspace'), django.db.models.functions.text.Lower('slug'), name='component_slug_unique')],
            },
        ),
        migrations.CreateModel(
            name='WatchPeriod',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(blank=True, null=True)),
                ('probe', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='watch_periods', to='catalog.probe')),
            ],
            options={
                'ordering': ['-starts_at', '-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ends_at', None)), fields=('probe',), name='watchperiod_one_open'), models.CheckConstraint(condition=models.Q(('ends_at', None), ('ends_at__gte', models.F('starts_at')), _connector='OR'), name='watchperiod_ends_later')],
            },
        ),
        migrations.AddIndex(
            model_name='probe',
            index=models.Index(condition=models.Q(('is_active', True), ('pushed', False)), fields=['next_at'], name='probe_due'),
        ),
        migrations.AddConstraint(
            model_name='probe',
            constraint=models.UniqueConstraint(fields=('service', 'environment', 'url'), name='probe_once_per_address'),
        ),
        migrations.AddConstraint(
            model_name='probe',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('pushed', True), ('url', '')), models.Q(('pushed', False), models.Q(('url', ''), _negated=True)), _connector='OR'), name='probe_pulled_has_address'),
        ),
        migrations.AddConstraint(
            model_name='probe',
            constraint=models.CheckConstraint(condition=models.Q(('every_s__gte', 30), ('timeout_s__gte', 1), ('timeout_s__lte', 10)), name='probe_is_gentle'),
        ),
    ]
