"""Windows, and what the database holds to of them: none begins without consent, two never have one
service at once, what was said stays said, nothing points into another workspace."""

import controlplane.lib.clock
import controlplane.lib.ids
import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


STAYS = """
CREATE TRIGGER window_is_kept BEFORE DELETE ON deployments_maintenancewindow
    FOR EACH ROW EXECUTE FUNCTION deployments_stays();
CREATE TRIGGER window_stays
    BEFORE UPDATE OF uid, workspace_id, ref, kind, owner, environment_id, created_by, created_at
    ON deployments_maintenancewindow
    FOR EACH ROW EXECUTE FUNCTION deployments_stays();
CREATE TRIGGER notice_is_kept BEFORE DELETE ON deployments_notice
    FOR EACH ROW EXECUTE FUNCTION deployments_stays();
CREATE TRIGGER notice_stays
    BEFORE UPDATE OF window_id, revision, kind, channel, due_at ON deployments_notice
    FOR EACH ROW EXECUTE FUNCTION deployments_stays();
CREATE TRIGGER notice_said_once
    BEFORE UPDATE OF state, sent_at, folded_into ON deployments_notice
    FOR EACH ROW WHEN (OLD.state <> 'due')
    EXECUTE FUNCTION deployments_stays();
"""
UNSTAYS = """
DROP TRIGGER notice_said_once ON deployments_notice;
DROP TRIGGER notice_stays ON deployments_notice;
DROP TRIGGER notice_is_kept ON deployments_notice;
DROP TRIGGER window_stays ON deployments_maintenancewindow;
DROP TRIGGER window_is_kept ON deployments_maintenancewindow;
"""

# btree_gist is not there everywhere, so keys stand in the constraint as ranges of one.
APART = """
ALTER TABLE deployments_windowservice ADD CONSTRAINT window_service_apart EXCLUDE USING gist (
    int8range(service_id, service_id, '[]') WITH &&,
    int8range(environment_id, environment_id, '[]') WITH &&,
    tstzrange(starts_at, ends_at) WITH &&
) WHERE (holds);
"""
TOGETHER = "ALTER TABLE deployments_windowservice DROP CONSTRAINT window_service_apart;"

CONSENT = """
CREATE FUNCTION deployments_window_consented() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.owner = 'us' AND (OLD.status <> 'approved' OR NOT EXISTS (
            SELECT 1 FROM approvals_request r
             WHERE r.id = NEW.approval_id AND r.status = 'approved'
               AND r.subject = 'deployments.window:' || NEW.uid)) THEN
        RAISE EXCEPTION 'nobody consented to this maintenance'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER window_consented BEFORE UPDATE OF status ON deployments_maintenancewindow
    FOR EACH ROW WHEN (NEW.status = 'in_progress' AND OLD.status <> 'in_progress')
    EXECUTE FUNCTION deployments_window_consented();
CREATE FUNCTION deployments_window_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'draft' THEN
        RAISE EXCEPTION 'a window begins as a draft' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER window_begins BEFORE INSERT ON deployments_maintenancewindow
    FOR EACH ROW EXECUTE FUNCTION deployments_window_begins();
"""
UNCONSENT = """
DROP TRIGGER window_begins ON deployments_maintenancewindow;
DROP FUNCTION deployments_window_begins();
DROP TRIGGER window_consented ON deployments_maintenancewindow;
DROP FUNCTION deployments_window_consented();
"""

SAME = """
CREATE FUNCTION deployments_window_same_workspace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM catalog_environment e
                WHERE e.id = NEW.environment_id AND e.workspace_id <> NEW.workspace_id)
        OR EXISTS (SELECT 1 FROM work_item i
                    WHERE i.id IN (NEW.item_id, NEW.review_id)
                      AND i.workspace_id <> NEW.workspace_id)
        OR EXISTS (SELECT 1 FROM approvals_request r
                    WHERE r.id = NEW.approval_id AND r.workspace_id <> NEW.workspace_id) THEN
        RAISE EXCEPTION 'a window points into another workspace'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER window_same_workspace
    BEFORE INSERT OR UPDATE OF item_id, review_id, approval_id ON deployments_maintenancewindow
    FOR EACH ROW EXECUTE FUNCTION deployments_window_same_workspace();
CREATE FUNCTION deployments_window_part_same() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM deployments_maintenancewindow w, catalog_service s
                    WHERE w.id = NEW.window_id AND s.id = NEW.service_id
                      AND s.workspace_id = w.workspace_id
                      AND w.environment_id = NEW.environment_id) THEN
        RAISE EXCEPTION 'the service is of another place' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER window_part_same BEFORE INSERT OR UPDATE OF service_id, environment_id
    ON deployments_windowservice FOR EACH ROW EXECUTE FUNCTION deployments_window_part_same();
"""
UNSAME = """
DROP TRIGGER window_part_same ON deployments_windowservice;
DROP FUNCTION deployments_window_part_same();
DROP TRIGGER window_same_workspace ON deployments_maintenancewindow;
DROP FUNCTION deployments_window_same_workspace();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0001_people_and_agents"),
        ("approvals", "0003_comments"),
        ("catalog", "0002_no_overlaps"),
        ("deployments", "0004_overview"),
        ("notify", "0001_outbox_and_channels"),
        ("work", "0002_append_only"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="MaintenanceWindow",
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
                    "kind",
                    models.CharField(
                        choices=[("scheduled", "Scheduled"), ("emergency", "Emergency")],
                        default="scheduled",
                        max_length=9,
                    ),
                ),
                (
                    "owner",
                    models.CharField(
                        choices=[("us", "Us"), ("partner", "A partner")], default="us", max_length=7
                    ),
                ),
                ("partner", models.CharField(blank=True, max_length=120)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("scheduled", "Scheduled"),
                            ("announced", "Announced"),
                            ("approved", "Approved"),
                            ("in_progress", "In progress"),
                            ("monitoring", "Monitoring"),
                            ("completed", "Completed"),
                            ("rolled_back", "Rolled back"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="draft",
                        editable=False,
                        max_length=11,
                    ),
                ),
                ("about", models.TextField(blank=True)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("user_facing", models.BooleanField(default=True)),
                ("rollback_plan", models.TextField(blank=True)),
                ("tested_in_staging", models.BooleanField(default=False, editable=False)),
                ("test_evidence", models.TextField(blank=True, editable=False)),
                ("tested_by", models.CharField(blank=True, editable=False, max_length=80)),
                ("tested_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "trigger",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "–"),
                            ("cve", "Critical vulnerability"),
                            ("data_integrity", "Data integrity"),
                            ("partner_mandate", "A partner demands it"),
                        ],
                        default="",
                        max_length=15,
                    ),
                ),
                ("urgency", models.CharField(blank=True, max_length=500)),
                ("impact", models.CharField(blank=True, max_length=500)),
                (
                    "waived",
                    models.JSONField(
                        blank=True,
                        default=list,
                        editable=False,
                        encoder=django.core.serializers.json.DjangoJSONEncoder,
                    ),
                ),
                ("started_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("finished_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("monitor_until", models.DateTimeField(blank=True, editable=False, null=True)),
                ("closed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("close_reason", models.CharField(blank=True, editable=False, max_length=500)),
                ("revision", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("created_by", models.CharField(editable=False, max_length=80)),
                (
                    "created_at",
                    models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
                ),
                (
                    "changed_at",
                    models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
                ),
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
                    "environment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.environment",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="windows",
                        to="work.item",
                    ),
                ),
                (
                    "review",
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
                    "watcher",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                "ordering": ["-starts_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="WindowService",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("holds", models.BooleanField(default=False)),
                (
                    "environment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.environment",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.service",
                    ),
                ),
                (
                    "window",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="parts",
                        to="deployments.maintenancewindow",
                    ),
                ),
            ],
            options={
                "verbose_name": "service of a window",
                "verbose_name_plural": "services of windows",
                "ordering": ["window", "service"],
            },
        ),
        migrations.AddField(
            model_name="maintenancewindow",
            name="services",
            field=models.ManyToManyField(
                related_name="+", through="deployments.WindowService", to="catalog.service"
            ),
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("revision", models.PositiveSmallIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("planned", "Planned"),
                            ("week", "7 days before"),
                            ("day", "24 hours before"),
                            ("start", "It begins"),
                            ("done", "It is over"),
                            ("correction", "Its time changed"),
                            ("cancelled", "It is cancelled"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("email", "E-mail"),
                            ("status", "Status page"),
                            ("chat", "Chat"),
                            ("banner", "Banner"),
                            ("inapp", "Inbox"),
                        ],
                        max_length=6,
                    ),
                ),
                ("due_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("due", "Due"),
                            ("sent", "Sent"),
                            ("late", "Sent late"),
                            ("folded", "Said with the next"),
                            ("nowhere", "Nobody to tell"),
                            ("void", "No longer true"),
                        ],
                        default="due",
                        max_length=7,
                    ),
                ),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                (
                    "folded_into",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("planned", "Planned"),
                            ("week", "7 days before"),
                            ("day", "24 hours before"),
                            ("start", "It begins"),
                            ("done", "It is over"),
                            ("correction", "Its time changed"),
                            ("cancelled", "It is cancelled"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "notification",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="notify.notification",
                    ),
                ),
                (
                    "window",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to="deployments.maintenancewindow",
                    ),
                ),
            ],
            options={
                "verbose_name": "notice of a window",
                "verbose_name_plural": "notices of windows",
                "ordering": ["window", "revision", "due_at", "id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "due")), fields=["due_at"], name="notice_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("window", "revision", "kind", "channel"), name="notice_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("sent_at", None), ("state__in", ["due", "void"])),
                            models.Q(
                                models.Q(("state__in", ["due", "void"]), _negated=True),
                                ("sent_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="notice_sent_has_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("state", "folded"), models.Q(("folded_into", ""), _negated=True)
                            ),
                            models.Q(
                                models.Q(("state", "folded"), _negated=True), ("folded_into", "")
                            ),
                            _connector="OR",
                        ),
                        name="notice_folded_into",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="windowservice",
            constraint=models.UniqueConstraint(
                fields=("window", "service"), name="window_service_once"
            ),
        ),
        migrations.AddIndex(
            model_name="maintenancewindow",
            index=models.Index(fields=["workspace", "-starts_at"], name="window_newest"),
        ),
        migrations.AddIndex(
            model_name="maintenancewindow",
            index=models.Index(
                condition=models.Q(
                    ("status__in", ("completed", "rolled_back", "cancelled")), _negated=True
                ),
                fields=["workspace", "starts_at"],
                name="window_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.UniqueConstraint(fields=("workspace", "ref"), name="window_ref_once"),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))), name="window_span"
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind", "scheduled"),
                    models.Q(
                        models.Q(("trigger", ""), _negated=True),
                        models.Q(("urgency", ""), _negated=True),
                        models.Q(("impact", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="window_emergency_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("owner", "us"), ("partner", "")),
                    models.Q(
                        ("kind", "scheduled"),
                        ("owner", "partner"),
                        models.Q(("partner", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="window_partner_named",
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("status__in", ["approved", "in_progress", "monitoring", "completed"]),
                        _negated=True,
                    ),
                    models.Q(("kind", "scheduled"), ("owner", "us"), _negated=True),
                    models.Q(
                        ("tested_in_staging", True), models.Q(("rollback_plan", ""), _negated=True)
                    ),
                    ("waived__contains", [{"rule": "tested"}]),
                    _connector="OR",
                ),
                name="window_rollback_tested",
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("tested_at", None), ("tested_in_staging", False)),
                    models.Q(
                        ("tested_at__isnull", False),
                        ("tested_in_staging", True),
                        models.Q(("test_evidence", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="window_test_shown",
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("status__in", ["in_progress", "monitoring", "completed", "rolled_back"]),
                        _negated=True,
                    ),
                    ("started_at__isnull", False),
                    _connector="OR",
                ),
                name="window_started_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("status__in", ("completed", "rolled_back", "cancelled")), _negated=True
                    ),
                    ("closed_at__isnull", False),
                    _connector="OR",
                ),
                name="window_ended_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("owner", "us"), ("status__in", ["monitoring", "completed"]), _negated=True
                    ),
                    models.Q(("finished_at__isnull", False), ("monitor_until__isnull", False)),
                    _connector="OR",
                ),
                name="window_watched",
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("owner", "us"), ("status", "completed"), _negated=True),
                    ("closed_at__gte", models.F("monitor_until")),
                    _connector="OR",
                ),
                name="window_watched_to_its_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["draft", "cancelled"]), ("revision__gt", 0), _connector="OR"
                ),
                name="window_has_a_time",
            ),
        ),
        migrations.RunSQL(STAYS, UNSTAYS),
        migrations.RunSQL(APART, TOGETHER),
        migrations.RunSQL(CONSENT, UNCONSENT),
        migrations.RunSQL(SAME, UNSAME),
    ]
