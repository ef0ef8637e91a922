"""How the environment fared at a moment of a deployment, kept as it was seen then."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from deployments import querysets
from deployments.models.releases import Deployment


class Snapshot(models.Model):
    """Written once: a trigger refuses to change it. What it belongs to besides a deployment (a
    rollout, a rollout's step) points here."""

    class Phase(models.TextChoices):
        BEFORE = "before", "Before"
        AFTER = "after", "After"
        REVIEW = "review", "At a review"
        STAGE = "stage", "Of a canary's stage"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    deployment = models.ForeignKey(
        Deployment, null=True, blank=True, on_delete=models.PROTECT, related_name="snapshots"
    )
    phase = models.CharField(max_length=6, choices=Phase.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    # {"error_rate", "p95_ms", "requests", "ingestion_per_min", "safeguard_violations",
    #  "ready": [{"key", "title"}]}; null where nothing was measured.
    figures = models.JSONField()
    taken_at = models.DateTimeField(default=clock.now)
    taken_by = models.CharField(max_length=80)  # an opaque ref
    note = models.CharField(max_length=500, blank=True)
    objects = querysets.EntryQuerySet.as_manager()

    class Meta:
        verbose_name = "deployment snapshot"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")), name="deploy_snapshot_span"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_phase_display()} at {self.ends_at:%Y-%m-%d %H:%M}"
