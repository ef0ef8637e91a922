"""How a workspace fared in a stretch of time, kept as it was seen then."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from telemetry import querysets


class HealthSnapshot(models.Model):
    """The key figures of the dashboards with their targets and states. Written once and never
    changed: what is told of that day later on stands in the dashboards."""

    class Kind(models.TextChoices):
        DAILY = "daily", "Daily"
        DEMAND = "demand", "On demand"
        SUBJECT = "subject", "For a record"

    class State(models.TextChoices):
        GOOD = "good", "As it should be"
        WARN = "warn", "Beyond a target"
        BAD = "bad", "Beyond a limit"
        NO_DATA = "no_data", "No data"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=7, choices=Kind.choices)
    state = models.CharField(max_length=7, choices=State.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    taken_at = models.DateTimeField(default=clock.now)
    taken_by = models.CharField(max_length=200)  # an opaque ref
    subject = models.CharField(max_length=120, blank=True)  # what it was taken for, opaque
    note = models.CharField(max_length=500, blank=True)
    # A line each: area, measure, title, unit, value, sample, target, warn, better, state, before.
    figures = models.JSONField()
    notices = models.JSONField(default=list)  # in words: firing alerts, days without events
    objects = querysets.TelemetryQuerySet.as_manager()

    class Meta:
        ordering = ["-ends_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")), name="snapshot_ends_later"
            ),
            models.UniqueConstraint(
                fields=["workspace", "starts_at"],
                condition=Q(kind="daily"),
                name="snapshot_once_a_day",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-ends_at"], name="snapshot_newest"),
            models.Index(fields=["subject"], condition=~Q(subject=""), name="snapshot_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} to {self.ends_at:%Y-%m-%d %H:%M} UTC"
