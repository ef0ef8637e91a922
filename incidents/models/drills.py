"""Drills: of paging, of runbooks, whole game days. One record for all of them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from incidents import querysets
from incidents.models.records import Incident


class Drill(models.Model):
    class Kind(models.TextChoices):
        PAGING = "paging", "Paging"
        RUNBOOK = "runbook", "A runbook"
        GAME_DAY = "game_day", "A game day"

    class Status(models.TextChoices):
        PLANNED = "planned", "Planned"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    title = models.CharField(max_length=200)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.PLANNED, editable=False
    )
    runbook = models.CharField(max_length=60, blank=True)
    incident = models.ForeignKey(
        Incident, null=True, blank=True, on_delete=models.PROTECT, related_name="drills"
    )
    planned_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    started_by = models.CharField(max_length=80, editable=False)
    asked = models.JSONField(default=dict)  # what was to happen, and by when
    seen = models.JSONField(default=dict, editable=False)  # what happened, and when
    score = models.PositiveSmallIntegerField(null=True, editable=False)  # percent
    notes = models.TextField(max_length=8000, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(score=None) | Q(score__lte=100), name="drill_score_is_percent"
            ),
            models.CheckConstraint(
                condition=~Q(status="done") | Q(ended_at__isnull=False), name="drill_done_since"
            ),
        ]

    def __str__(self) -> str:
        return self.title
