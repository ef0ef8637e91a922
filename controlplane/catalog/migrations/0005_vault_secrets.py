"""Which secrets lie in a vault, where, and since when: never what they are."""

import controlplane.catalog.models.vault
import controlplane.lib.clock
import controlplane.lib.ids
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0002_agents_owners_before'),
        ('catalog', '0004_call_reports'),
    ]

    operations = [
        migrations.CreateModel(
            name='VaultSecret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=controlplane.lib.ids.uuid7, editable=False, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('purpose', models.CharField(max_length=200)),
                ('kept_in', models.CharField(max_length=200)),
                ('owner_role', models.CharField(max_length=40)),
                ('rotate_days', models.PositiveSmallIntegerField(default=controlplane.catalog.models.vault.usual_days, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(400)])),
                ('rotated_on', models.DateField(blank=True, null=True)),
                ('due_on', models.DateField(editable=False)),
                ('is_active', models.BooleanField(default=True, editable=False)),
                ('created_at', models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='access.workspace')),
            ],
            options={
                'verbose_name': 'secret',
                'ordering': ['due_on', 'name', 'id'],
                'constraints': [models.UniqueConstraint(models.F('workspace'), django.db.models.functions.text.Lower('name'), name='vault_secret_name_unique'), models.CheckConstraint(condition=models.Q(('rotate_days__gte', 1), ('rotate_days__lte', 400)), name='vault_secret_days_bounded'), models.CheckConstraint(condition=models.Q(models.Q(('name', ''), _negated=True), models.Q(('kept_in', ''), _negated=True), models.Q(('owner_role', ''), _negated=True)), name='vault_secret_is_somewhere_and_somebodys')],
            },
        ),
    ]
