"""What happens by itself when an incident opens."""

import controlplane.lib.clock
import controlplane.lib.ids
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0002_agents_owners_before"),
        ("catalog", "0002_no_overlaps"),
        ("incidents", "0009_status_pages"),
    ]

    operations = [
        migrations.CreateModel(
            name="ResponsePolicy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "uid",
                    models.UUIDField(
                        default=controlplane.lib.ids.uuid7, editable=False, unique=True
                    ),
                ),
                ("title", models.CharField(max_length=120)),
                (
                    "severities",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=8),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "category",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("service", "Service"),
                            ("security", "Security"),
                            ("database", "Database"),
                            ("data", "Data"),
                            ("partner", "Partner"),
                            ("legal", "Legal"),
                            ("governance", "Governance"),
                        ],
                        max_length=12,
                    ),
                ),
                ("only_alerts", models.BooleanField(default=True)),
                ("actions", models.JSONField(default=list)),
                (
                    "mode",
                    models.CharField(
                        choices=[("off", "Off"), ("dry", "Only says so"), ("on", "Acts")],
                        default="off",
                        editable=False,
                        max_length=3,
                    ),
                ),
                ("made_by", models.CharField(editable=False, max_length=80)),
                (
                    "created_at",
                    models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "service",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="catalog.service",
                    ),
                ),
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
                "verbose_name": "response policy",
                "verbose_name_plural": "response policies",
                "ordering": ["title", "id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("mode", "off"), _negated=True),
                        fields=["workspace"],
                        name="responsepolicy_awake",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("workspace", "title"), name="responsepolicy_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("mode", "off"),
                            models.Q(("actions", []), _negated=True),
                            _connector="OR",
                        ),
                        name="responsepolicy_does_something",
                    ),
                ],
            },
        ),
    ]
