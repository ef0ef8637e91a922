"""Files that show how controls were kept, which do not apply, and reports: only ever added to."""

import controlplane.lib.clock
import controlplane.lib.ids
import django.db.models.deletion
from django.db import migrations, models


STAYS = """
CREATE TRIGGER control_evidence_stays BEFORE UPDATE OR DELETE ON privacy_controlevidence
    FOR EACH ROW EXECUTE FUNCTION privacy_stays();
CREATE TRIGGER control_scope_stays BEFORE UPDATE OR DELETE ON privacy_controlscope
    FOR EACH ROW EXECUTE FUNCTION privacy_stays();
CREATE TRIGGER compliance_report_stays BEFORE UPDATE OR DELETE ON privacy_compliancereport
    FOR EACH ROW EXECUTE FUNCTION privacy_stays();
"""
GOES = """
DROP TRIGGER compliance_report_stays ON privacy_compliancereport;
DROP TRIGGER control_scope_stays ON privacy_controlscope;
DROP TRIGGER control_evidence_stays ON privacy_controlevidence;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0002_agents_owners_before"),
        ("privacy", "0002_said_stays_said"),
    ]

    operations = [
        migrations.CreateModel(
            name="ComplianceReport",
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
                ("ref", models.CharField(editable=False, max_length=16)),
                ("period", models.CharField(max_length=7)),
                (
                    "made_at",
                    models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
                ),
                ("made_by", models.CharField(editable=False, max_length=80)),
                ("figures", models.JSONField(default=dict, editable=False)),
                ("sha256", models.CharField(editable=False, max_length=64)),
                ("html", models.FileField(editable=False, max_length=200, upload_to="compliance/")),
                ("html_sha256", models.CharField(editable=False, max_length=64)),
                ("pdf", models.FileField(editable=False, max_length=200, upload_to="compliance/")),
                ("pdf_sha256", models.CharField(editable=False, max_length=64)),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="access.workspace",
                    ),
                ),
            ],
            options={
                "verbose_name": "compliance report",
                "ordering": ["-id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("workspace", "ref"), name="compliance_report_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("sha256", ""), _negated=True),
                            models.Q(("html_sha256", ""), _negated=True),
                            models.Q(("pdf_sha256", ""), _negated=True),
                        ),
                        name="compliance_report_has_hashes",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ControlEvidence",
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
                ("control", models.CharField(max_length=60)),
                ("period", models.CharField(max_length=7)),
                ("title", models.CharField(max_length=200)),
                ("note", models.CharField(blank=True, max_length=1000)),
                ("file", models.FileField(max_length=200, upload_to="compliance/")),
                ("name", models.CharField(max_length=200)),
                ("size", models.BigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("media_type", models.CharField(max_length=100)),
                (
                    "added_at",
                    models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
                ),
                ("added_by", models.CharField(editable=False, max_length=80)),
                (
                    "replaces",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="privacy.controlevidence",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="access.workspace",
                    ),
                ),
            ],
            options={
                "verbose_name": "evidence of a control",
                "verbose_name_plural": "evidence of controls",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(
                        fields=["workspace", "control", "period"], name="control_evidence_of"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("size__gt", 0),
                            models.Q(("sha256", ""), _negated=True),
                            models.Q(("file", ""), _negated=True),
                        ),
                        name="control_evidence_is_a_file",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("replaces", None),
                            models.Q(("replaces", models.F("id")), _negated=True),
                            _connector="OR",
                        ),
                        name="control_evidence_not_itself",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ControlScope",
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
                ("control", models.CharField(max_length=60)),
                ("period", models.CharField(max_length=7)),
                ("applies", models.BooleanField()),
                ("reason", models.CharField(max_length=400)),
                (
                    "said_at",
                    models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
                ),
                ("said_by", models.CharField(editable=False, max_length=80)),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="access.workspace",
                    ),
                ),
            ],
            options={
                "verbose_name": "scope of a control",
                "verbose_name_plural": "scopes of controls",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["workspace", "period"], name="control_scope_of")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="control_scope_says_why",
                    )
                ],
            },
        ),
        migrations.RunSQL(STAYS, GOES),
    ]
