"""Rollouts, and what the database holds to of them: decisions stay, what was measured is not
rewritten, nothing starts where consent is asked for and not given, nothing points elsewhere."""

import controlplane.lib.clock
import controlplane.lib.ids
import django.core.serializers.json
import django.db.models.deletion
from django.db import migrations, models


STAYS = """
CREATE TRIGGER rollout_event_stays BEFORE UPDATE OR DELETE ON deployments_rolloutevent
    FOR EACH ROW EXECUTE FUNCTION deployments_stays();
CREATE TRIGGER rollout_event_is_kept BEFORE TRUNCATE ON deployments_rolloutevent
    FOR EACH STATEMENT EXECUTE FUNCTION deployments_stays();
CREATE TRIGGER rollout_sample_stays BEFORE UPDATE ON deployments_rolloutsample
    FOR EACH ROW EXECUTE FUNCTION deployments_stays();
CREATE TRIGGER rollout_is_kept BEFORE DELETE ON deployments_rollout
    FOR EACH ROW EXECUTE FUNCTION deployments_stays();
CREATE TRIGGER rollout_stays
    BEFORE UPDATE OF uid, workspace_id, ref, flag_id, environment_id, created_by, created_at
    ON deployments_rollout
    FOR EACH ROW EXECUTE FUNCTION deployments_stays();
"""
UNSTAYS = """
DROP TRIGGER rollout_stays ON deployments_rollout;
DROP TRIGGER rollout_is_kept ON deployments_rollout;
DROP TRIGGER rollout_sample_stays ON deployments_rolloutsample;
DROP TRIGGER rollout_event_is_kept ON deployments_rolloutevent;
DROP TRIGGER rollout_event_stays ON deployments_rolloutevent;
"""

CONSENT = """
CREATE FUNCTION deployments_rollout_consented() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM feature_flags_flagenvironment e
                WHERE e.environment_id = NEW.environment_id AND e.needs_approval)
        AND NOT EXISTS (SELECT 1 FROM approvals_request r
                         WHERE r.id = NEW.approval_id AND r.status = 'approved'
                           AND r.subject = 'deployments.rollout:' || NEW.uid) THEN
        RAISE EXCEPTION 'nobody consented to this rollout'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rollout_consented BEFORE UPDATE OF status ON deployments_rollout
    FOR EACH ROW WHEN (NEW.status = 'running' AND OLD.status = 'baseline_taken')
    EXECUTE FUNCTION deployments_rollout_consented();
CREATE FUNCTION deployments_rollout_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'planned' THEN
        RAISE EXCEPTION 'a rollout begins as a plan' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rollout_begins BEFORE INSERT ON deployments_rollout
    FOR EACH ROW EXECUTE FUNCTION deployments_rollout_begins();
"""
UNCONSENT = """
DROP TRIGGER rollout_begins ON deployments_rollout;
DROP FUNCTION deployments_rollout_begins();
DROP TRIGGER rollout_consented ON deployments_rollout;
DROP FUNCTION deployments_rollout_consented();
"""

SAME = """
CREATE FUNCTION deployments_rollout_workspace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM feature_flags f
                WHERE f.id = NEW.flag_id AND f.workspace_id <> NEW.workspace_id)
        OR EXISTS (SELECT 1 FROM catalog_environment e
                    WHERE e.id = NEW.environment_id AND e.workspace_id <> NEW.workspace_id)
        OR EXISTS (SELECT 1 FROM deployments_deployment d
                    WHERE d.id = NEW.deployment_id AND d.workspace_id <> NEW.workspace_id)
        OR EXISTS (SELECT 1 FROM work_item i
                    WHERE i.id = NEW.item_id AND i.workspace_id <> NEW.workspace_id) THEN
        RAISE EXCEPTION 'a rollout stays within its workspace'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER rollout_workspace
    BEFORE INSERT OR UPDATE OF deployment_id, item_id ON deployments_rollout
    FOR EACH ROW EXECUTE FUNCTION deployments_rollout_workspace();
"""
UNSAME = """
DROP TRIGGER rollout_workspace ON deployments_rollout;
DROP FUNCTION deployments_rollout_workspace();
"""


class Migration(migrations.Migration):
    dependencies = [("deployments", "0002_release_guards")]

    operations = [
        migrations.CreateModel(
            name="Rollout",
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
                ("title", models.CharField(max_length=200)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("planned", "Planned"),
                            ("baseline_taken", "Baseline taken"),
                            ("running", "Running"),
                            ("held", "Held"),
                            ("paused", "Paused"),
                            ("stabilizing", "Stabilizing"),
                            ("completed", "Completed"),
                            ("rolled_back", "Rolled back"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="planned",
                        editable=False,
                        max_length=14,
                    ),
                ),
                (
                    "preset",
                    models.CharField(
                        choices=[
                            ("standard", "Standard: 30, 30 and 60 minutes"),
                            ("cautious", "Cautious: 1, 2 and 24 hours"),
                            ("custom", "Own steps"),
                        ],
                        default="standard",
                        max_length=8,
                    ),
                ),
                ("automatic", models.BooleanField(default=True)),
                ("limits", models.JSONField(default=dict)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("telemetry", "The portal's telemetry"),
                            ("impact", "Impact metrics of the SDKs"),
                            ("prometheus", "A Prometheus server"),
                            ("posted", "Figures posted by hand or by a pipeline"),
                        ],
                        default="telemetry",
                        max_length=10,
                    ),
                ),
                ("asking", models.JSONField(blank=True, default=dict)),
                ("slow_ms", models.FloatField(blank=True, editable=False, null=True)),
                ("base", models.JSONField(default=dict, editable=False)),
                ("read_until", models.DateTimeField(blank=True, editable=False, null=True)),
                ("outcome", models.CharField(blank=True, editable=False, max_length=500)),
                ("metrics_note", models.TextField(blank=True)),
                ("created_by", models.CharField(editable=False, max_length=80)),
                (
                    "created_at",
                    models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
                ),
                ("started_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("ended_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "approval",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="approvals.request",
                    ),
                ),
                (
                    "baseline",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="deployments.snapshot",
                    ),
                ),
                (
                    "blocker",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="work.item",
                    ),
                ),
                (
                    "deployment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rollouts",
                        to="deployments.deployment",
                    ),
                ),
                (
                    "environment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.environment",
                    ),
                ),
                (
                    "flag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rollouts",
                        to="feature_flags.flag",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="rollouts",
                        to="work.item",
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
                "verbose_name": "canary rollout",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="RolloutStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("percent", models.PositiveSmallIntegerField()),
                ("hold_minutes", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "To come"),
                            ("running", "Running"),
                            ("held", "Held"),
                            ("passed", "Passed"),
                            ("failed", "Failed"),
                        ],
                        default="pending",
                        max_length=7,
                    ),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("earliest_next_at", models.DateTimeField(blank=True, null=True)),
                ("held_since", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("checked_at", models.DateTimeField(blank=True, null=True)),
                ("promoted_by", models.CharField(blank=True, max_length=80)),
                ("override_reason", models.CharField(blank=True, max_length=500)),
                ("verdict", models.CharField(blank=True, max_length=8)),
                ("rule", models.CharField(blank=True, max_length=10)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("numbers", models.JSONField(blank=True, default=dict)),
                (
                    "seen",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        encoder=django.core.serializers.json.DjangoJSONEncoder,
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="work.item",
                    ),
                ),
                (
                    "rollout",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="deployments.rollout",
                    ),
                ),
                (
                    "snapshot",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="deployments.snapshot",
                    ),
                ),
            ],
            options={
                "verbose_name": "rollout step",
                "ordering": ["rollout", "position"],
            },
        ),
        migrations.CreateModel(
            name="RolloutSample",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("n", models.PositiveBigIntegerField(default=0)),
                ("errors", models.PositiveBigIntegerField(default=0)),
                ("slow", models.PositiveBigIntegerField(default=0)),
                ("p95_ms", models.FloatField(null=True)),
                ("violations", models.PositiveBigIntegerField(default=0)),
                ("others", models.PositiveBigIntegerField(default=0)),
                ("others_errors", models.PositiveBigIntegerField(default=0)),
                ("others_slow", models.PositiveBigIntegerField(default=0)),
                ("others_p95_ms", models.FloatField(null=True)),
                ("asked_on", models.PositiveBigIntegerField(null=True)),
                ("asked_off", models.PositiveBigIntegerField(null=True)),
                ("error_rate", models.FloatField(null=True)),
                ("latency_ratio", models.FloatField(null=True)),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="samples",
                        to="deployments.rolloutstep",
                    ),
                ),
            ],
            options={
                "verbose_name": "look at a canary",
                "ordering": ["step", "at"],
            },
        ),
        migrations.CreateModel(
            name="RolloutEvent",
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
                ("what", models.CharField(max_length=20)),
                ("rule", models.CharField(blank=True, max_length=10)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("numbers", models.JSONField(blank=True, default=dict)),
                ("by", models.CharField(max_length=80)),
                ("at", models.DateTimeField(default=controlplane.lib.clock.now)),
                (
                    "rollout",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="deployments.rollout",
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="deployments.rolloutstep",
                    ),
                ),
            ],
            options={
                "verbose_name": "decision about a rollout",
                "ordering": ["-id"],
            },
        ),
        migrations.AddIndex(
            model_name="rollout",
            index=models.Index(
                condition=models.Q(("status__in", ("running", "held", "paused"))),
                fields=["id"],
                name="rollout_watched",
            ),
        ),
        migrations.AddIndex(
            model_name="rollout",
            index=models.Index(fields=["workspace", "-id"], name="rollout_newest"),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.UniqueConstraint(
                fields=("workspace", "ref"), name="rollout_ref_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("status__in", ("completed", "rolled_back", "cancelled")), _negated=True
                ),
                fields=("flag", "environment"),
                name="rollout_one_open",
                violation_error_message="This flag has a rollout there already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("status__in", ["running", "held", "paused", "stabilizing", "completed"]),
                        _negated=True,
                    ),
                    models.Q(("baseline__isnull", False), ("started_at__isnull", False)),
                    _connector="OR",
                ),
                name="rollout_baseline_first",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("ended_at__isnull", False),
                        ("status__in", ("completed", "rolled_back", "cancelled")),
                    ),
                    models.Q(
                        models.Q(
                            ("status__in", ("completed", "rolled_back", "cancelled")), _negated=True
                        ),
                        ("ended_at", None),
                    ),
                    _connector="OR",
                ),
                name="rollout_ended_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "completed"), _negated=True),
                    ("metrics_note__gt", ""),
                    _connector="OR",
                ),
                name="rollout_completed_has_note",
            ),
        ),
        migrations.AddConstraint(
            model_name="rolloutstep",
            constraint=models.UniqueConstraint(
                fields=("rollout", "position"), name="rollout_step_place_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="rolloutstep",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["running", "held"])),
                fields=("rollout",),
                name="rollout_one_step_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="rolloutstep",
            constraint=models.CheckConstraint(
                condition=models.Q(("percent__gte", 1), ("percent__lte", 100)),
                name="rollout_step_percent",
            ),
        ),
        migrations.AddConstraint(
            model_name="rolloutstep",
            constraint=models.CheckConstraint(
                condition=models.Q(("hold_minutes__gte", 1), ("hold_minutes__lte", 20160)),
                name="rollout_step_holds",
            ),
        ),
        migrations.AddConstraint(
            model_name="rolloutstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("started_at", None), ("state", "pending")),
                    models.Q(
                        models.Q(("state", "pending"), _negated=True), ("started_at__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="rollout_step_began",
            ),
        ),
        migrations.AddConstraint(
            model_name="rolloutstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "passed"), _negated=True),
                    ("snapshot__isnull", False),
                    _connector="OR",
                ),
                name="rollout_step_passed_has_snapshot",
            ),
        ),
        migrations.AddConstraint(
            model_name="rolloutsample",
            constraint=models.UniqueConstraint(fields=("step", "at"), name="rollout_sample_once"),
        ),
        migrations.AddConstraint(
            model_name="rolloutsample",
            constraint=models.CheckConstraint(
                condition=models.Q(("errors__lte", models.F("n")), ("slow__lte", models.F("n"))),
                name="rollout_sample_counts",
            ),
        ),
        migrations.AddIndex(
            model_name="rolloutevent",
            index=models.Index(fields=["rollout", "-id"], name="rollout_event_newest"),
        ),
        migrations.RunSQL(STAYS, UNSTAYS),
        migrations.RunSQL(CONSENT, UNCONSENT),
        migrations.RunSQL(SAME, UNSAME),
    ]
