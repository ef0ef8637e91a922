"""What else is done against an incident: an item is held, and a step of a runbook is run."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0010_response_policies"),
    ]

    operations = [
        migrations.AddField(
            model_name="runbookstep",
            name="action",
            field=models.OneToOneField(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="step",
                to="incidents.action",
            ),
        ),
        migrations.AlterField(
            model_name="action",
            name="kind",
            field=models.CharField(
                choices=[
                    ("flag_off", "Switch a flag off"),
                    ("pause_missions", "Pause missions"),
                    ("trip_breaker", "Open a circuit breaker"),
                    ("rate_limit", "Limit a rate for a while"),
                    ("rollback", "Roll a deployment back"),
                    ("wake_agent", "Open a thread and wake an agent"),
                    ("block_item", "Block a work item"),
                    ("runbook_step", "Run a step of a runbook"),
                    ("scale", "Capacity was added"),
                    ("fix", "A fix was brought out"),
                ],
                max_length=14,
            ),
        ),
    ]
