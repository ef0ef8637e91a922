"""A meeting that nobody held is a row, too; and since when a rhythm is as it is."""

from django.db import migrations, models

import controlplane.lib.clock


class Migration(migrations.Migration):
    dependencies = [("missions", "0013_what_goes_on")]

    operations = [
        migrations.AddField(
            model_name="meeting",
            name="missed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="meetingseries",
            name="since",
            field=models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
        ),
        migrations.AddConstraint(
            model_name="meeting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("missed_at", None), ("closed_at__isnull", False), _connector="OR"
                ),
                name="meeting_missed_is_over",
            ),
        ),
    ]
