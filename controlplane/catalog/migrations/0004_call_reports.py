"""What telemetry tells of calls waits here until the breakers heard it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0002_agents_owners_before"),
        ("catalog", "0003_own_thresholds"),
    ]

    operations = [
        migrations.AddField(
            model_name="integration",
            name="half_open_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.CreateModel(
            name="CallReport",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("toolkit", models.CharField(max_length=64)),
                ("succeeded", models.BooleanField()),
                ("failures", models.JSONField(default=list)),
                ("error", models.CharField(blank=True, max_length=300)),
                ("occurred_at", models.DateTimeField()),
                ("heard_at", models.DateTimeField(null=True)),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="access.workspace",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("workspace"),
                        models.F("toolkit"),
                        models.F("id"),
                        name="call_report_in_order",
                    ),
                    models.Index(
                        models.F("id"),
                        condition=models.Q(("heard_at", None)),
                        name="call_report_waits",
                    ),
                ],
            },
        ),
    ]
