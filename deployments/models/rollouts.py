"""A flag on its way from nobody to everybody, in steps that are watched."""

from __future__ import annotations

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

from controlplane.access.models import Workspace
from controlplane.approvals.models import Request
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item
from deployments import querysets
from deployments.flags.models import Flag
from deployments.models.releases import Deployment
from deployments.models.snapshots import Snapshot


class Rollout(models.Model):
    """One flag in one environment. The judge (`deployments.canary`) looks at it each minute; what
    it may use and what it decided stands in the rows that hang on it."""

    class Status(models.TextChoices):
        PLANNED = "planned", "Planned"
        BASELINE_TAKEN = "baseline_taken", "Baseline taken"
        RUNNING = "running", "Running"
        HELD = "held", "Held"
        PAUSED = "paused", "Paused"
        STABILIZING = "stabilizing", "Stabilizing"
        COMPLETED = "completed", "Completed"
        ROLLED_BACK = "rolled_back", "Rolled back"
        CANCELLED = "cancelled", "Cancelled"

    class Preset(models.TextChoices):
        STANDARD = "standard", "Standard: 30, 30 and 60 minutes"
        CAUTIOUS = "cautious", "Cautious: 1, 2 and 24 hours"
        CUSTOM = "custom", "Own steps"

    class Source(models.TextChoices):
        TELEMETRY = "telemetry", "The portal's telemetry"
        IMPACT = "impact", "Impact metrics of the SDKs"
        PROMETHEUS = "prometheus", "A Prometheus server"
        POSTED = "posted", "Figures posted by hand or by a pipeline"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    ref = models.CharField(max_length=16, editable=False)  # CAN-7
    title = models.CharField(max_length=200)
    flag = models.ForeignKey(Flag, on_delete=models.PROTECT, related_name="rollouts")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    deployment = models.ForeignKey(
        Deployment, null=True, blank=True, on_delete=models.PROTECT, related_name="rollouts"
    )
    status = models.CharField(
        max_length=14, choices=Status.choices, default=Status.PLANNED, editable=False
    )
    preset = models.CharField(max_length=8, choices=Preset.choices, default=Preset.STANDARD)
    automatic = models.BooleanField(default=True)  # goes on by itself when a step passed
    limits = models.JSONField(default=dict)  # canary.limits.Limits, as written
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.TELEMETRY)
    # Who posts its figures beside people who may: an agent, by its opaque ref. Of POSTED alone.
    reporter = models.CharField(max_length=80, blank=True, editable=False)
    # What the source needs: names of metrics, the address and the queries of a Prometheus server.
    asking = models.JSONField(default=dict, blank=True)
    baseline = models.ForeignKey(
        Snapshot, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    # Slower than this counts as slow: the baseline's p95 times the ratio. Null: not known, and
    # then latency is not judged.
    slow_ms = models.FloatField(null=True, blank=True, editable=False)
    # The flag's settings there before the first step; every step's are made from them.
    base = models.JSONField(default=dict, editable=False)
    # Up to where the source was read.
    read_until = models.DateTimeField(null=True, blank=True, editable=False)
    outcome = models.CharField(max_length=500, blank=True, editable=False)
    metrics_note = models.TextField(blank=True)  # what is documented when it ends well
    item = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.SET_NULL, related_name="rollouts"
    )
    blocker = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    approval = models.ForeignKey(
        Request, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    created_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.RolloutQuerySet.as_manager()

    class Meta:
        verbose_name = "canary rollout"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "ref"], name="rollout_ref_once"),
            models.UniqueConstraint(
                fields=["flag", "environment"],
                condition=~Q(status__in=querysets.ROLLOUT_ENDED),
                name="rollout_one_open",
                violation_error_message="This flag has a rollout there already.",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["running", "held", "paused", "stabilizing", "completed"])
                | Q(started_at__isnull=False, baseline__isnull=False),
                name="rollout_baseline_first",
            ),
            models.CheckConstraint(
                condition=Q(status__in=querysets.ROLLOUT_ENDED, ended_at__isnull=False)
                | (~Q(status__in=querysets.ROLLOUT_ENDED) & Q(ended_at=None)),
                name="rollout_ended_has_time",
            ),
            models.CheckConstraint(
                condition=Q(source="posted") | Q(reporter=""), name="rollout_reporter_posts"
            ),
            models.CheckConstraint(
                condition=~Q(status="completed") | Q(metrics_note__gt=""),
                name="rollout_completed_has_note",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(status__in=querysets.ROLLOUT_WATCHED),
                name="rollout_watched",
            ),
            models.Index(fields=["workspace", "-id"], name="rollout_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def is_open(self) -> bool:
        return self.status not in querysets.ROLLOUT_ENDED

    @property
    def is_watched(self) -> bool:
        return self.status in querysets.ROLLOUT_WATCHED


class RolloutStep(models.Model):
    """So many percent for so long. `seen` is what the judge knows of it, `numbers` what it last
    said, in figures."""

    class State(models.TextChoices):
        PENDING = "pending", "To come"
        RUNNING = "running", "Running"
        HELD = "held", "Held"
        PASSED = "passed", "Passed"
        FAILED = "failed", "Failed"

    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="steps")
    position = models.PositiveSmallIntegerField()
    percent = models.PositiveSmallIntegerField()
    hold_minutes = models.PositiveIntegerField()
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    started_at = models.DateTimeField(null=True, blank=True)
    earliest_next_at = models.DateTimeField(null=True, blank=True)
    held_since = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    promoted_by = models.CharField(max_length=80, blank=True)  # who began it: an opaque ref
    override_reason = models.CharField(max_length=500, blank=True)
    verdict = models.CharField(max_length=8, blank=True)
    rule = models.CharField(max_length=10, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    numbers = models.JSONField(default=dict, blank=True)
    seen = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    snapshot = models.ForeignKey(
        Snapshot, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    item = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    objects = querysets.RolloutPartQuerySet.as_manager()

    class Meta:
        verbose_name = "rollout step"
        ordering = ["rollout", "position"]
        constraints = [
            models.UniqueConstraint(fields=["rollout", "position"], name="rollout_step_place_once"),
            models.UniqueConstraint(
                fields=["rollout"],
                condition=Q(state__in=["running", "held"]),
                name="rollout_one_step_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(percent__gte=1, percent__lte=100), name="rollout_step_percent"
            ),
            models.CheckConstraint(
                condition=Q(hold_minutes__gte=1, hold_minutes__lte=14 * 1440),
                name="rollout_step_holds",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", started_at=None)
                | (~Q(state="pending") & Q(started_at__isnull=False)),
                name="rollout_step_began",
            ),
            models.CheckConstraint(
                condition=~Q(state="passed") | Q(snapshot__isnull=False),
                name="rollout_step_passed_has_snapshot",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.percent} %"

    @property
    def workspace_id(self) -> int:
        return self.rollout.workspace_id


class RolloutSample(models.Model):
    """What one look counted: of the cohort, and of everybody else. The curves of the page."""

    step = models.ForeignKey(RolloutStep, on_delete=models.PROTECT, related_name="samples")
    at = models.DateTimeField()
    n = models.PositiveBigIntegerField(default=0)
    errors = models.PositiveBigIntegerField(default=0)
    slow = models.PositiveBigIntegerField(default=0)
    p95_ms = models.FloatField(null=True)
    violations = models.PositiveBigIntegerField(default=0)
    others = models.PositiveBigIntegerField(default=0)
    others_errors = models.PositiveBigIntegerField(default=0)
    others_slow = models.PositiveBigIntegerField(default=0)
    others_p95_ms = models.FloatField(null=True)
    asked_on = models.PositiveBigIntegerField(null=True)
    asked_off = models.PositiveBigIntegerField(null=True)
    error_rate = models.FloatField(null=True)  # of sources that know rates alone
    latency_ratio = models.FloatField(null=True)
    objects = querysets.RolloutDetailQuerySet.as_manager()

    class Meta:
        verbose_name = "look at a canary"
        ordering = ["step", "at"]
        constraints = [
            models.UniqueConstraint(fields=["step", "at"], name="rollout_sample_once"),
            models.CheckConstraint(
                condition=Q(errors__lte=F("n"), slow__lte=F("n")), name="rollout_sample_counts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.n} requests until {self.at:%H:%M}"


class RolloutEvent(models.Model):
    """A decision, of the judge or of a person, with what it rested on. Only added."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="events")
    step = models.ForeignKey(
        RolloutStep, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    what = models.CharField(max_length=20)
    rule = models.CharField(max_length=10, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    numbers: Any = models.JSONField(default=dict, blank=True)
    by = models.CharField(max_length=80)  # an opaque ref
    at = models.DateTimeField(default=clock.now)
    objects = querysets.RolloutPartQuerySet.as_manager()

    class Meta:
        verbose_name = "decision about a rollout"
        ordering = ["-id"]
        indexes = [models.Index(fields=["rollout", "-id"], name="rollout_event_newest")]

    def __str__(self) -> str:
        return self.what

    @property
    def workspace_id(self) -> int:
        return self.rollout.workspace_id
