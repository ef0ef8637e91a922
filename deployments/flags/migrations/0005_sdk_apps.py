import controlplane.lib.clock
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0001_people_and_agents'),
        ('catalog', '0004_failed_results'),
        ('feature_flags', '0004_request_approval'),
    ]

    operations = [
        migrations.CreateModel(
            name='SdkApp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('browser', models.BooleanField(default=False)),
                ('first_seen', models.DateTimeField(default=controlplane.lib.clock.now)),
                ('last_seen', models.DateTimeField(default=controlplane.lib.clock.now)),
                ('environment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalog.environment')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'SDK application',
                'ordering': ['name', 'id'],
                'indexes': [models.Index(fields=['last_seen'], name='flag_sdk_app_seen')],
                'constraints': [models.UniqueConstraint(fields=('environment', 'browser', 'name'), name='flag_sdk_app_once')],
            },
        ),
        migrations.RemoveConstraint(model_name='impactsample', name='flag_impact_once_a_minute'),
        migrations.AddField(
            model_name='impactsample',
            name='source',
            field=models.CharField(choices=[('client', 'Server SDK'), ('frontend', 'Browser or app'), ('ofrep', 'OpenFeature only')], default='client', max_length=8),
        ),
        migrations.AddConstraint(
            model_name='impactsample',
            constraint=models.UniqueConstraint(fields=('environment', 'name', 'minute', 'app', 'kind', 'labels_key', 'source'), name='flag_impact_once_a_minute'),
        ),
    ]
