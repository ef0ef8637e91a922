"""An integration may have thresholds of its own."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0002_agents_owners_before'),
        ('catalog', '0002_no_overlaps'),
    ]

    operations = [
        migrations.AddField(
            model_name='integration',
            name='break_after',
            field=models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(604800)], verbose_name='opens after failures in a row'),
        ),
        migrations.AddField(
            model_name='integration',
            name='cool_down_most_s',
            field=models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(604800)], verbose_name='longest pause, seconds'),
        ),
        migrations.AddField(
            model_name='integration',
            name='cool_down_s',
            field=models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(604800)], verbose_name='first pause, seconds'),
        ),
        migrations.AddField(
            model_name='integration',
            name='trial_lasts_s',
            field=models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(604800)], verbose_name='a trial lasts, seconds'),
        ),
        migrations.AddConstraint(
            model_name='integration',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('break_after', None), ('break_after__range', (1, 1000)), _connector='OR'), models.Q(('cool_down_s', None), ('cool_down_s__range', (1, 604800)), _connector='OR'), models.Q(('cool_down_most_s', None), ('cool_down_most_s__range', (1, 604800)), _connector='OR'), models.Q(('trial_lasts_s', None), ('trial_lasts_s__range', (1, 3600)), _connector='OR')), name='integration_thresholds_in_bounds'),
        ),
    ]
