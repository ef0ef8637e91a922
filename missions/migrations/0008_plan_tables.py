import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import controlplane.lib.clock
import controlplane.lib.ids


class Migration(migrations.Migration):
    dependencies = [
        ("missions", "0007_evidence_guards"),
        ("work", "0002_append_only"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PlanNote",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "authors",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80),
                        blank=True,
                        default=list,
                        editable=False,
                        size=None,
                    ),
                ),
                ("risk_notes", models.TextField(blank=True)),
                ("sla_impact", models.TextField(blank=True)),
                ("changed_by", models.CharField(blank=True, max_length=80)),
                (
                    "changed_at",
                    models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "mission",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plan_note",
                        to="missions.mission",
                    ),
                ),
            ],
            options={
                "verbose_name": "plan note",
            },
        ),
        migrations.CreateModel(
            name="Play",
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
                ("key", models.CharField(max_length=100)),
                ("rank", models.PositiveSmallIntegerField()),
                ("title", models.CharField(max_length=200)),
                ("rationale", models.TextField(blank=True)),
                ("impact", models.CharField(blank=True, max_length=500)),
                (
                    "confidence",
                    models.DecimalField(blank=True, decimal_places=3, max_digits=4, null=True),
                ),
                (
                    "effort",
                    models.CharField(
                        choices=[("low", "Low"), ("medium", "Medium"), ("high", "High")],
                        default="medium",
                        max_length=6,
                    ),
                ),
                (
                    "risk",
                    models.CharField(
                        choices=[("low", "Low"), ("medium", "Medium"), ("high", "High")],
                        default="medium",
                        max_length=6,
                    ),
                ),
                ("precedents", models.JSONField(blank=True, default=list)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("proposed", "Proposed"),
                            ("selected", "Selected"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="proposed",
                        editable=False,
                        max_length=9,
                    ),
                ),
                ("digest", models.CharField(editable=False, max_length=64)),
                ("proposed_by", models.CharField(editable=False, max_length=80)),
                (
                    "proposed_at",
                    models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
                ),
                ("selected_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("selected_by", models.CharField(blank=True, editable=False, max_length=80)),
                ("reason", models.CharField(blank=True, editable=False, max_length=500)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "mission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plays",
                        to="missions.mission",
                    ),
                ),
            ],
            options={
                "ordering": ["mission", "rank", "-id"],
            },
        ),
        migrations.CreateModel(
            name="PlayStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("toolkit", models.CharField(blank=True, max_length=50)),
                ("action", models.CharField(max_length=120)),
                ("summary", models.CharField(blank=True, max_length=500)),
                ("mutating", models.BooleanField(default=False)),
                (
                    "play",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="missions.play",
                    ),
                ),
            ],
            options={
                "verbose_name": "play step",
                "ordering": ["play", "position"],
            },
        ),
        migrations.CreateModel(
            name="RiskEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "authors",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80),
                        blank=True,
                        default=list,
                        editable=False,
                        size=None,
                    ),
                ),
                (
                    "uid",
                    models.UUIDField(
                        default=controlplane.lib.ids.uuid7, editable=False, unique=True
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("likelihood", models.PositiveSmallIntegerField()),
                ("impact", models.PositiveSmallIntegerField()),
                (
                    "reversibility",
                    models.CharField(
                        choices=[
                            ("full", "Can be taken back"),
                            ("partly", "In part"),
                            ("none", "Cannot be taken back"),
                        ],
                        max_length=6,
                    ),
                ),
                ("mitigation", models.CharField(blank=True, max_length=1000)),
                ("created_by", models.CharField(editable=False, max_length=80)),
                (
                    "created_at",
                    models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
                ),
                ("removed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("removed_by", models.CharField(blank=True, editable=False, max_length=80)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "mission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="risks",
                        to="missions.mission",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "risk",
                "ordering": ["mission", "id"],
            },
        ),
        migrations.CreateModel(
            name="Run",
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
                ("external_id", models.CharField(max_length=100)),
                ("agent", models.CharField(max_length=80)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("finished", "Finished"),
                            ("aborted", "Aborted"),
                        ],
                        default="queued",
                        editable=False,
                        max_length=8,
                    ),
                ),
                ("queued_at", models.DateTimeField(default=controlplane.lib.clock.now)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("ended_by", models.CharField(blank=True, max_length=80)),
                ("outcome", models.CharField(blank=True, max_length=500)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "mission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="missions.mission",
                    ),
                ),
                (
                    "play",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="missions.play",
                    ),
                ),
                (
                    "visit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="missions.stagevisit",
                    ),
                ),
            ],
            options={
                "verbose_name": "run",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="UndoPlan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "authors",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80),
                        blank=True,
                        default=list,
                        editable=False,
                        size=None,
                    ),
                ),
                (
                    "uid",
                    models.UUIDField(
                        default=controlplane.lib.ids.uuid7, editable=False, unique=True
                    ),
                ),
                ("label", models.CharField(max_length=200)),
                ("impact", models.CharField(blank=True, max_length=500)),
                ("window_minutes", models.PositiveIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("ready", "Ready"),
                            ("executed", "Executed"),
                            ("expired", "Expired"),
                        ],
                        default="draft",
                        editable=False,
                        max_length=8,
                    ),
                ),
                ("ready_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("ready_by", models.CharField(blank=True, editable=False, max_length=80)),
                ("tested_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("deadline_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("closed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("closed_reason", models.CharField(blank=True, editable=False, max_length=500)),
                ("made_by", models.CharField(editable=False, max_length=80)),
                ("changed_by", models.CharField(editable=False, max_length=80)),
                (
                    "changed_at",
                    models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "play",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="undo_plan",
                        to="missions.play",
                    ),
                ),
            ],
            options={
                "verbose_name": "undo plan",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="UndoRun",
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
                ("drill", models.BooleanField(default=False)),
                ("alternate", models.BooleanField(default=False)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("running", "Running"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="requested",
                        editable=False,
                        max_length=9,
                    ),
                ),
                (
                    "takes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                ("late", models.BooleanField(default=False)),
                ("reason", models.CharField(max_length=500)),
                ("requested_by", models.CharField(max_length=80)),
                ("requested_at", models.DateTimeField(default=controlplane.lib.clock.now)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("reversed", models.PositiveSmallIntegerField(default=0)),
                ("outcome", models.CharField(blank=True, max_length=500)),
                ("item_key", models.CharField(blank=True, max_length=80)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "followed_by",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="follows",
                        to="missions.undorun",
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
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="missions.undoplan",
                    ),
                ),
            ],
            options={
                "verbose_name": "undo run",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="UndoStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("action", models.CharField(max_length=200)),
                ("inverse", models.CharField(max_length=1000)),
                ("verify", models.CharField(max_length=1000)),
                ("alternate", models.BooleanField(default=False)),
                ("verified_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("removed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="missions.undoplan",
                    ),
                ),
                (
                    "play_step",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="undo_steps",
                        to="missions.playstep",
                    ),
                ),
            ],
            options={
                "verbose_name": "undo step",
                "ordering": ["plan", "position"],
            },
        ),
        migrations.CreateModel(
            name="UndoAttempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                (
                    "result",
                    models.CharField(
                        choices=[("done", "Done"), ("failed", "Failed"), ("skipped", "Skipped")],
                        max_length=7,
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=1000)),
                ("external_id", models.CharField(blank=True, max_length=100)),
                ("by", models.CharField(max_length=80)),
                ("at", models.DateTimeField(default=controlplane.lib.clock.now)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attempts",
                        to="missions.undorun",
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attempts",
                        to="missions.undostep",
                    ),
                ),
            ],
            options={
                "verbose_name": "undo attempt",
                "ordering": ["run", "id"],
            },
        ),
        migrations.CreateModel(
            name="RunStep",
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
                ("external_id", models.CharField(max_length=100)),
                ("agent", models.CharField(blank=True, max_length=80)),
                ("toolkit", models.CharField(blank=True, max_length=50)),
                ("action", models.CharField(blank=True, max_length=120)),
                ("arguments", models.JSONField(blank=True, default=dict)),
                ("mutating", models.BooleanField(default=False)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("skipped", "Skipped"),
                            ("failed", "Failed"),
                            ("succeeded", "Succeeded"),
                        ],
                        default="queued",
                        editable=False,
                        max_length=9,
                    ),
                ),
                ("sequence", models.PositiveIntegerField(default=0)),
                ("dispatched_at", models.DateTimeField(blank=True, null=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("latency_ms", models.PositiveIntegerField(blank=True, null=True)),
                ("error_code", models.CharField(blank=True, max_length=60)),
                ("reported_by", models.CharField(max_length=80)),
                ("first_at", models.DateTimeField(default=controlplane.lib.clock.now)),
                ("reported_at", models.DateTimeField(default=controlplane.lib.clock.now)),
                ("marks", models.JSONField(blank=True, default=dict)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "mission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="run_steps",
                        to="missions.mission",
                    ),
                ),
                (
                    "play_step",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="missions.playstep",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="missions.run",
                    ),
                ),
                (
                    "undo_step",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="missions.undostep",
                    ),
                ),
            ],
            options={
                "verbose_name": "run step",
                "ordering": ["run", "id"],
            },
        ),
        migrations.CreateModel(
            name="DutyWindow",
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
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("note", models.CharField(blank=True, max_length=500)),
                ("by", models.CharField(editable=False, max_length=80)),
                ("at", models.DateTimeField(default=controlplane.lib.clock.now, editable=False)),
                ("cancelled_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("cancelled_by", models.CharField(blank=True, editable=False, max_length=80)),
                (
                    "mission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="duty_windows",
                        to="missions.mission",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "duty window",
                "ordering": ["mission", "starts_at", "id"],
                "indexes": [models.Index(fields=["mission", "starts_at"], name="duty_of_mission")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                        name="duty_ends_after_it_starts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("cancelled_at", None), ("cancelled_by", "")),
                            models.Q(("cancelled_at__isnull", False), ("cancelled_by__gt", "")),
                            _connector="OR",
                        ),
                        name="duty_cancelled_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HookCheck",
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
                ("sha256", models.CharField(max_length=64)),
                ("passed", models.BooleanField()),
                ("details", models.CharField(blank=True, max_length=2000)),
                ("by", models.CharField(max_length=80)),
                ("at", models.DateTimeField(default=controlplane.lib.clock.now)),
                (
                    "visit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="hook_checks",
                        to="missions.stagevisit",
                    ),
                ),
            ],
            options={
                "verbose_name": "hook check",
                "ordering": ["visit", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")),
                        name="hook_check_digest",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("passed", True), ("details__gt", ""), _connector="OR"),
                        name="hook_check_says_what_is_missing",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="play",
            index=models.Index(fields=["mission", "-id"], name="plays_newest"),
        ),
        migrations.AddConstraint(
            model_name="play",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "withdrawn"), _negated=True),
                fields=("mission", "rank"),
                name="play_rank_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="play",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "withdrawn"), _negated=True),
                fields=("mission", "key"),
                name="play_key_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="play",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "selected")),
                fields=("mission",),
                name="one_play_is_selected",
            ),
        ),
        migrations.AddConstraint(
            model_name="play",
            constraint=models.CheckConstraint(
                condition=models.Q(("rank__gte", 1), ("rank__lte", 3)), name="play_rank"
            ),
        ),
        migrations.AddConstraint(
            model_name="play",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["proposed", "selected", "withdrawn"])),
                name="play_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="play",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("confidence", None),
                    models.Q(("confidence__gte", 0), ("confidence__lte", 1)),
                    _connector="OR",
                ),
                name="play_confidence",
            ),
        ),
        migrations.AddConstraint(
            model_name="play",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "selected"), _negated=True),
                    models.Q(("selected_at__isnull", False), ("selected_by__gt", "")),
                    _connector="OR",
                ),
                name="play_selected_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="playstep",
            constraint=models.UniqueConstraint(fields=("play", "position"), name="play_step_once"),
        ),
        migrations.AddConstraint(
            model_name="playstep",
            constraint=models.CheckConstraint(
                condition=models.Q(("position__gte", 1)), name="play_step_from_one"
            ),
        ),
        migrations.AddIndex(
            model_name="riskentry",
            index=models.Index(fields=["mission", "id"], name="risks_of_mission"),
        ),
        migrations.AddConstraint(
            model_name="riskentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("impact__gte", 1),
                    ("impact__lte", 5),
                    ("likelihood__gte", 1),
                    ("likelihood__lte", 5),
                ),
                name="risk_one_to_five",
            ),
        ),
        migrations.AddConstraint(
            model_name="riskentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("reversibility__in", ["full", "partly", "none"])),
                name="risk_reversibility",
            ),
        ),
        migrations.AddConstraint(
            model_name="riskentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("removed_at", None), ("removed_by", "")),
                    models.Q(("removed_at__isnull", False), ("removed_by__gt", "")),
                    _connector="OR",
                ),
                name="risk_removed_by_somebody",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["mission", "-id"], name="runs_newest"),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.UniqueConstraint(
                fields=("mission", "external_id"), name="run_told_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ("queued", "running"))),
                fields=("mission",),
                name="one_run_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["queued", "running", "finished", "aborted"])),
                name="run_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["running", "finished"]), _negated=True),
                    ("started_at__isnull", False),
                    _connector="OR",
                ),
                name="run_begun_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", False), ("status__in", ["finished", "aborted"])),
                    models.Q(("ended_at", None), ("status__in", ("queued", "running"))),
                    _connector="OR",
                ),
                name="run_ended_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at", None),
                    ("started_at", None),
                    ("ended_at__gte", models.F("started_at")),
                    _connector="OR",
                ),
                name="run_ends_after_it_starts",
            ),
        ),
        migrations.AddIndex(
            model_name="undoplan",
            index=models.Index(
                condition=models.Q(("status", "ready")),
                fields=["deadline_at"],
                name="undo_plans_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="undoplan",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["draft", "ready", "executed", "expired"])),
                name="undo_plan_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="undoplan",
            constraint=models.CheckConstraint(
                condition=models.Q(("window_minutes__gte", 1), ("window_minutes__lte", 43200)),
                name="undo_plan_window",
            ),
        ),
        migrations.AddConstraint(
            model_name="undoplan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "ready"), _negated=True),
                    models.Q(("ready_at__isnull", False), ("ready_by__gt", "")),
                    _connector="OR",
                ),
                name="undo_plan_ready_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="undoplan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", False), ("status__in", ["executed", "expired"])),
                    models.Q(("closed_at", None), ("status__in", ["draft", "ready"])),
                    _connector="OR",
                ),
                name="undo_plan_closed_has_time",
            ),
        ),
        migrations.AddIndex(
            model_name="undorun",
            index=models.Index(fields=["plan", "-id"], name="undo_runs_newest"),
        ),
        migrations.AddConstraint(
            model_name="undorun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ("requested", "running"))),
                fields=("plan",),
                name="one_undo_run_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="undorun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["requested", "running", "completed", "failed", "withdrawn"])
                ),
                name="undo_run_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="undorun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("started_at", None), ("status__in", ["requested", "withdrawn"])),
                    models.Q(
                        ("started_at__isnull", False),
                        ("status__in", ["running", "completed", "failed"]),
                    ),
                    _connector="OR",
                ),
                name="undo_run_begun_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="undorun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at", None), ("status__in", ("requested", "running"))),
                    models.Q(
                        models.Q(("status__in", ("requested", "running")), _negated=True),
                        ("finished_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="undo_run_ended_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="undorun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("finished_at", None),
                    ("finished_at__gte", models.F("started_at")),
                    _connector="OR",
                ),
                name="undo_run_ends_after_it_starts",
            ),
        ),
        migrations.AddConstraint(
            model_name="undorun",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason__gt", "")), name="undo_run_says_why"
            ),
        ),
        migrations.AddConstraint(
            model_name="undostep",
            constraint=models.UniqueConstraint(
                condition=models.Q(("removed_at", None)),
                fields=("plan", "position"),
                name="undo_step_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="undostep",
            constraint=models.CheckConstraint(
                condition=models.Q(("position__gte", 1)), name="undo_step_from_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="undostep",
            constraint=models.CheckConstraint(
                condition=models.Q(("inverse__gt", ""), ("verify__gt", "")),
                name="undo_step_says_how",
            ),
        ),
        migrations.AddConstraint(
            model_name="undoattempt",
            constraint=models.UniqueConstraint(
                fields=("run", "step", "number"), name="undo_attempt_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="undoattempt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id", ""), _negated=True),
                fields=("run", "external_id"),
                name="undo_attempt_told_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="undoattempt",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 1)), name="undo_attempt_from_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="undoattempt",
            constraint=models.CheckConstraint(
                condition=models.Q(("result__in", ["done", "failed", "skipped"])),
                name="undo_attempt_result",
            ),
        ),
        migrations.AddConstraint(
            model_name="undoattempt",
            constraint=models.CheckConstraint(
                condition=models.Q(("result", "done"), ("note__gt", ""), _connector="OR"),
                name="undo_attempt_says_why",
            ),
        ),
        migrations.AddIndex(
            model_name="runstep",
            index=models.Index(fields=["run", "id"], name="steps_of_run"),
        ),
        migrations.AddIndex(
            model_name="runstep",
            index=models.Index(
                condition=models.Q(("dispatched_at__isnull", False)),
                fields=["mission", "toolkit", "dispatched_at"],
                name="steps_dispatched",
            ),
        ),
        migrations.AddIndex(
            model_name="runstep",
            index=models.Index(fields=["mission", "-reported_at"], name="steps_reported"),
        ),
        migrations.AddConstraint(
            model_name="runstep",
            constraint=models.UniqueConstraint(
                fields=("mission", "external_id"), name="run_step_told_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="runstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["queued", "running", "skipped", "failed", "succeeded"])
                ),
                name="run_step_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="runstep",
            constraint=models.CheckConstraint(
                condition=models.Q(("undo_step", None), ("mutating", True), _connector="OR"),
                name="run_step_undone_if_it_changes",
            ),
        ),
    ]
