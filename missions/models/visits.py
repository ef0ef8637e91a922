"""A mission's way: each time it was in a stage, and what people ticked there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q

from controlplane.approvals.models import Request
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from missions import querysets, stages
from missions.models.missions import Mission


class StageVisit(models.Model):
    """Once entered, once left, never written again. Sent back to a stage, a mission visits it
    another time: what was ticked, linked and signed before belongs to the visit before."""

    class Outcome(models.TextChoices):
        NONE = "", "Not left yet"
        COMPLETED = "completed", "Completed"
        SENT_BACK = "sent_back", "Sent back"
        ABANDONED = "abandoned", "Abandoned"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="visits")
    stage = models.CharField(max_length=15, choices=stages.CHOICES)
    attempt = models.PositiveSmallIntegerField()
    entered_at = models.DateTimeField()
    entered_by = models.CharField(max_length=80)  # an opaque ref
    left_at = models.DateTimeField(null=True, blank=True)
    left_by = models.CharField(max_length=80, blank=True)
    outcome = models.CharField(
        max_length=9, choices=Outcome.choices, default=Outcome.NONE, blank=True
    )
    reason = models.CharField(max_length=500, blank=True)
    # The question to the people of its checkpoint, its newest revision.
    approval = models.OneToOneField(
        Request, null=True, blank=True, on_delete=models.PROTECT, related_name="mission_visit"
    )
    # [{"label", "link", "sha256", "by", "at"}]: where what was found can be read.
    evidence: Any = models.JSONField(default=list, blank=True)
    objects = querysets.VisitQuerySet.as_manager()

    class Meta:
        verbose_name = "stage visit"
        ordering = ["mission", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mission"], condition=Q(left_at=None), name="mission_in_one_stage"
            ),
            models.UniqueConstraint(
                fields=["mission", "stage", "attempt"], name="mission_attempt_once"
            ),
            models.CheckConstraint(condition=Q(attempt__gte=1), name="visit_attempt"),
            models.CheckConstraint(condition=Q(stage__in=stages.SLUGS), name="visit_stage_known"),
            models.CheckConstraint(
                condition=Q(left_at=None, outcome="", left_by="")
                | Q(left_at__gte=F("entered_at"))
                & Q(outcome__in=["completed", "sent_back", "abandoned"])
                & ~Q(left_by=""),
                name="visit_left_with_outcome",
            ),
        ]
        indexes = [
            models.Index(fields=["stage", "mission"], name="visits_of_stage"),
            models.Index(fields=["mission", "-id"], name="visits_newest"),
        ]

    def __str__(self) -> str:
        again = f", attempt {self.attempt}" if self.attempt > 1 else ""
        return f"{self.definition.label}{again}"

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id

    @property
    def definition(self) -> stages.Stage:
        return stages.get(self.stage)

    @property
    def is_open(self) -> bool:
        return self.left_at is None

    @property
    def dwell(self) -> timedelta:
        """How long it stood here, or has been standing."""
        return max((self.left_at or clock.now()) - self.entered_at, timedelta(0))


class ChecklistTick(models.Model):
    """Somebody says that a line of the checklist is done. Taken back, it stays to be read."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    visit = models.ForeignKey(StageVisit, on_delete=models.PROTECT, related_name="ticks")
    line = models.SlugField(max_length=40)
    note = models.CharField(max_length=500, blank=True)
    evidence: Any = models.JSONField(default=list, blank=True)  # [{"label", "link"}]
    by = models.CharField(max_length=80)  # an opaque ref
    at = models.DateTimeField(default=clock.now)
    retracted_at = models.DateTimeField(null=True, blank=True)
    retracted_by = models.CharField(max_length=80, blank=True)
    objects = querysets.TickQuerySet.as_manager()

    class Meta:
        verbose_name = "checklist tick"
        ordering = ["visit", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["visit", "line"],
                condition=Q(retracted_at=None),
                name="checklist_line_ticked_once",
            ),
            models.CheckConstraint(
                condition=Q(retracted_at=None, retracted_by="")
                | Q(retracted_at__isnull=False) & ~Q(retracted_by=""),
                name="tick_retracted_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.line

    @property
    def workspace_id(self) -> int:
        return self.visit.mission.workspace_id
