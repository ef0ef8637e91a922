"""Updates of incidents, and those that did not come. What was said stays as it was said."""

import controlplane.lib.clock
import controlplane.lib.ids
import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE TRIGGER update_stays
    BEFORE DELETE OR UPDATE OF uid, workspace_id, incident_id, audience, kind, subject, text,
        written_by, created_at
    ON incidents_update FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER missedupdate_stays
    BEFORE DELETE OR UPDATE OF workspace_id, incident_id, due_at, noticed_at, severity
    ON incidents_missedupdate FOR EACH ROW EXECUTE FUNCTION incidents_stays();

-- What went out can't be taken back, and what was dropped never goes out.
CREATE FUNCTION incidents_update_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'draft' THEN
        RAISE EXCEPTION 'an update that is % stays so', OLD.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER update_moves BEFORE UPDATE OF status, posted_at, posted_by, due_at, next_at
    ON incidents_update FOR EACH ROW EXECUTE FUNCTION incidents_update_moves();
"""

BACKWARD = """
DROP TRIGGER update_moves ON incidents_update;
DROP TRIGGER missedupdate_stays ON incidents_missedupdate;
DROP TRIGGER update_stays ON incidents_update;
DROP FUNCTION incidents_update_moves();
"""


class Migration(migrations.Migration):
    dependencies = [("incidents", "0004_fewer_indexes")]

    operations = [
        migrations.CreateModel(
            name="Update",
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
                (
                    "audience",
                    models.CharField(
                        choices=[("internal", "The house"), ("customers", "Customers")],
                        max_length=9,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("initial", "First"),
                            ("update", "Update"),
                            ("recovery", "It works again"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("draft", "Draft"), ("posted", "Posted"), ("dropped", "Dropped")],
                        default="draft",
                        editable=False,
                        max_length=7,
                    ),
                ),
                ("subject", models.CharField(max_length=200)),
                ("text", models.TextField(max_length=8000)),
                ("written_by", models.CharField(editable=False, max_length=80)),
                ("posted_by", models.CharField(blank=True, editable=False, max_length=80)),
                (
                    "created_at",
                    models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
                ),
                ("posted_at", models.DateTimeField(editable=False, null=True)),
                ("due_at", models.DateTimeField(editable=False, null=True)),
                ("next_at", models.DateTimeField(blank=True, null=True)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="updates",
                        to="incidents.incident",
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
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="MissedUpdate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("due_at", models.DateTimeField()),
                ("noticed_at", models.DateTimeField(default=controlplane.lib.clock.now)),
                ("severity", models.CharField(max_length=8)),
                ("times", models.PositiveIntegerField(default=1)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="missed_updates",
                        to="incidents.incident",
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
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["workspace", "due_at"], name="missedupdate_due")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("incident", "due_at"), name="missedupdate_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("times__gte", 1)), name="missedupdate_counts"
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="update",
            index=models.Index(fields=["workspace", "posted_at"], name="update_posted"),
        ),
        migrations.AddConstraint(
            model_name="update",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("posted_at__isnull", False),
                        ("status", "posted"),
                        models.Q(("posted_by", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("status", "posted"), _negated=True),
                        ("posted_at", None),
                        ("posted_by", ""),
                    ),
                    _connector="OR",
                ),
                name="update_posted_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="update",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True), name="update_says_something"
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
