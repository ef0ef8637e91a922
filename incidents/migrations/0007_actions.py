"""What is done, decided and checked while an incident lasts, and words said better. All of it is
history."""

import controlplane.lib.clock
import controlplane.lib.ids
import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE TRIGGER action_stays
    BEFORE DELETE OR UPDATE OF uid, workspace_id, incident_id, kind, target, given, key, reason,
        undoes_id, asked_by, asked_at
    ON incidents_action FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER decision_stays BEFORE DELETE OR UPDATE
    ON incidents_decision FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER check_stays BEFORE DELETE OR UPDATE
    ON incidents_check FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER correction_stays BEFORE UPDATE
    ON incidents_correction FOR EACH ROW EXECUTE FUNCTION incidents_stays();

-- What is over stays so: it is done again as another one.
CREATE FUNCTION incidents_action_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'an action that is % stays so', OLD.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER action_moves BEFORE UPDATE OF status, code, result, made, ended_at
    ON incidents_action FOR EACH ROW EXECUTE FUNCTION incidents_action_moves();
"""

BACKWARD = """
DROP TRIGGER action_moves ON incidents_action;
DROP FUNCTION incidents_action_moves();
DROP TRIGGER correction_stays ON incidents_correction;
DROP TRIGGER check_stays ON incidents_check;
DROP TRIGGER decision_stays ON incidents_decision;
DROP TRIGGER action_stays ON incidents_action;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0002_agents_owners_before"),
        ("incidents", "0006_runbooks"),
        ("work", "0002_append_only"),
    ]

    operations = [
        migrations.AddField(
            model_name="incident",
            name="split_from",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="parts",
                to="incidents.incident",
            ),
        ),
        migrations.CreateModel(
            name="Action",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("flag_off", "Switch a flag off"),
                            ("pause_missions", "Pause missions"),
                            ("trip_breaker", "Open a circuit breaker"),
                            ("rate_limit", "Limit a rate for a while"),
                            ("rollback", "Roll a deployment back"),
                            ("wake_agent", "Open a thread and wake an agent"),
                            ("scale", "Capacity was added"),
                            ("fix", "A fix was brought out"),
                        ],
                        max_length=14,
                    ),
                ),
                ("target", models.CharField(blank=True, max_length=200)),
                ("given", models.JSONField(blank=True, default=dict)),
                ("key", models.CharField(editable=False, max_length=80)),
                ("reason", models.CharField(max_length=500)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("planned", "Planned"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("refused", "Refused"),
                            ("failed", "Failed"),
                        ],
                        default="planned",
                        editable=False,
                        max_length=7,
                    ),
                ),
                ("code", models.CharField(blank=True, editable=False, max_length=40)),
                ("result", models.CharField(blank=True, editable=False, max_length=500)),
                ("made", models.JSONField(default=dict, editable=False)),
                ("asked_by", models.CharField(editable=False, max_length=80)),
                (
                    "asked_at",
                    models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
                ),
                ("ended_at", models.DateTimeField(editable=False, null=True)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="actions",
                        to="incidents.incident",
                    ),
                ),
                (
                    "undoes",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="undone_by",
                        to="incidents.action",
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
                "indexes": [
                    models.Index(
                        condition=models.Q(("status__in", ["planned", "running"])),
                        fields=["asked_at"],
                        name="action_under_way",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ["planned", "running"])),
                        fields=("incident", "key"),
                        name="action_under_way_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ["planned", "running", "done"])),
                        fields=("undoes",),
                        name="action_undone_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("status__in", ["planned", "running"])),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("status__in", ["done", "refused", "failed"]),
                            ),
                            _connector="OR",
                        ),
                        name="action_ended_when_over",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "refused"), _negated=True),
                            models.Q(("code", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="action_refused_with_code",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Check",
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
                ("slug", models.CharField(max_length=20)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("ok", "Works"),
                            ("failed", "Does not work"),
                            ("waived", "Not looked at"),
                        ],
                        max_length=6,
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=500)),
                ("figures", models.JSONField(blank=True, default=dict, editable=False)),
                ("by", models.CharField(editable=False, max_length=80)),
                ("at", models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="checks",
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
                "verbose_name": "validation",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["incident", "slug", "-id"], name="check_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("outcome", "ok"),
                            models.Q(("note", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="check_failed_or_waived_says_why",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Correction",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("text", models.TextField(max_length=20000)),
                ("by", models.CharField(editable=False, max_length=80)),
                ("at", models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                (
                    "comment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="work.comment",
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="corrections",
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
                "ordering": ["comment", "number"],
                "constraints": [
                    models.UniqueConstraint(fields=("comment", "number"), name="correction_once"),
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True), name="correction_says"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Decision",
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
                ("text", models.CharField(max_length=500)),
                ("why", models.CharField(blank=True, max_length=1000)),
                ("decided_by", models.CharField(editable=False, max_length=80)),
                ("at", models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
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
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True), name="decision_says"
                    )
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
