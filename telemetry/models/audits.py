"""What the telemetry audit looked at and what it found."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models.followed import Followed
from telemetry import querysets


class AuditRun(models.Model):
    """One audit of one workspace over one stretch of time."""

    class Mode(models.TextChoices):
        CHECK = "check", "Check"
        SPOT = "spot", "Spot"
        REPORT = "report", "Report"

    class Result(models.TextChoices):
        CLEAN = "clean", "Clean"
        FINDINGS = "findings", "Findings"
        FAILED = "failed", "Could not run"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    mode = models.CharField(max_length=6, choices=Mode.choices)
    result = models.CharField(max_length=8, choices=Result.choices)
    since = models.DateTimeField()
    until = models.DateTimeField()
    started_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField()
    started_by = models.CharField(max_length=200)
    events = models.PositiveBigIntegerField(default=0)  # in the stretch of time
    known = models.PositiveIntegerField(default=0)  # catalogue events that should come
    seen = models.PositiveIntegerField(default=0)  # and did, in 30 days
    gaps = models.PositiveIntegerField(default=0)
    rules = models.JSONField(default=list)  # a line each: rule, status, text, gaps
    error = models.CharField(max_length=300, blank=True)
    subject = models.CharField(max_length=120, blank=True)  # the deployment it was made for
    signed_by = models.CharField(max_length=200, blank=True)
    signed_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True)
    objects = querysets.TelemetryQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        indexes = [models.Index(fields=["workspace", "-started_at"], name="audit_run_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(signed_at=None, signed_by="")
                | (Q(signed_at__isnull=False) & ~Q(signed_by="")),
                name="audit_run_signed_by_somebody",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_mode_display()} of {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"

    @property
    def coverage(self) -> float | None:
        """Share of the events that should come and do; None: nothing should have come yet."""
        return self.seen / self.known if self.known else None

    @property
    def exit_code(self) -> int:
        return {"clean": 0, "findings": 1, "failed": 2}[self.result]


class Gap(Followed):
    """Something the audit found wrong: an event, a stage, a mission."""

    rule = models.CharField(max_length=4)
    run = models.ForeignKey(AuditRun, on_delete=models.PROTECT, related_name="found")
    objects = querysets.GapQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "rule", "about"], name="gap_once"),
            models.CheckConstraint(
                condition=Q(status="open", closed_at=None)
                | Q(status="closed", closed_at__isnull=False),
                name="gap_closed_some_time",
            ),
        ]
