"""What a mission is to achieve, and how one will know."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from controlplane.lib import clock
from missions import querysets
from missions.models.missions import Mission


class Brief(models.Model):
    """Written while it is open, read once it is locked. To open it again takes the mission back
    to Define, and what was signed since counts for nothing."""

    class Direction(models.TextChoices):
        UP = "up", "Up"
        DOWN = "down", "Down"

    mission = models.OneToOneField(Mission, on_delete=models.PROTECT, related_name="brief")
    objective = models.TextField(blank=True)
    audience = models.TextField(blank=True)
    business_objective = models.TextField(blank=True)
    kpi_name = models.CharField(max_length=120, blank=True)
    kpi_unit = models.CharField(max_length=40, blank=True)
    kpi_baseline = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    kpi_target = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    kpi_direction = models.CharField(max_length=4, choices=Direction.choices, default=Direction.UP)
    kpi_deadline = models.DateField(null=True, blank=True)
    timeline = models.TextField(blank=True)
    # How sure the agent was that drafted it; none where people wrote it.
    confidence = models.DecimalField(max_digits=4, decimal_places=3, null=True, blank=True)
    # Opaque refs of whoever wrote in it since it was made: they won't sign it as validators.
    authors = ArrayField(models.CharField(max_length=80), default=list, blank=True, editable=False)
    edits = models.PositiveIntegerField(default=0, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)  # one more each time it opens
    opened_at = models.DateTimeField(default=clock.now, editable=False)  # of this revision
    locked_at = models.DateTimeField(null=True, blank=True, editable=False)
    locked_by = models.CharField(max_length=80, blank=True, editable=False)  # an opaque ref
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.PartQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(locked_at=None, locked_by="")
                | Q(locked_at__isnull=False) & ~Q(locked_by=""),
                name="brief_locked_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(confidence=None) | Q(confidence__gte=0, confidence__lte=1),
                name="brief_confidence",
            ),
            models.CheckConstraint(
                condition=Q(kpi_direction__in=["up", "down"]), name="brief_direction"
            ),
        ]

    def __str__(self) -> str:
        return f"Brief of {self.mission.ref}"

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id

    @property
    def is_locked(self) -> bool:
        return self.locked_at is not None
