"""What agents did: runs of a play and their steps, as they were reported."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q

from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from missions import querysets_plans as querysets
from missions.models.missions import Mission
from missions.models.plays import Play, PlayStep
from missions.models.undo import UndoStep
from missions.models.visits import StageVisit


class Run(models.Model):
    """A play carried out in one visit of Execute & Observe. One at a time."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        ABORTED = "aborted", "Aborted"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="runs")
    visit = models.ForeignKey(StageVisit, on_delete=models.PROTECT, related_name="runs")
    play = models.ForeignKey(Play, on_delete=models.PROTECT, related_name="runs")
    external_id = models.CharField(max_length=100)
    agent = models.CharField(max_length=80)  # an opaque ref
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.QUEUED, editable=False
    )
    queued_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=80, blank=True)
    outcome = models.CharField(max_length=500, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.RunQuerySet.as_manager()

    class Meta:
        verbose_name = "run"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["mission", "external_id"], name="run_told_once"),
            models.UniqueConstraint(
                fields=["mission"],
                condition=Q(status__in=querysets.RUN_OPEN),
                name="one_run_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running", "finished", "aborted"]),
                name="run_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["running", "finished"]) | Q(started_at__isnull=False),
                name="run_begun_has_time",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["finished", "aborted"], ended_at__isnull=False)
                | Q(status__in=querysets.RUN_OPEN, ended_at=None),
                name="run_ended_has_time",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(started_at=None) | Q(ended_at__gte=F("started_at")),
                name="run_ends_after_it_starts",
            ),
        ]
        indexes = [models.Index(fields=["mission", "-id"], name="runs_newest")]

    def __str__(self) -> str:
        return f"Run {self.external_id}"

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id

    @property
    def is_open(self) -> bool:
        return self.status in querysets.RUN_OPEN


class RunStep(models.Model):
    """One action of an agent. Reports of it come twice and in any order; what stands here is the
    same whatever their order was (`execution.merging`)."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SKIPPED = "skipped", "Skipped"
        FAILED = "failed", "Failed"
        SUCCEEDED = "succeeded", "Succeeded"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="run_steps")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="steps")
    external_id = models.CharField(max_length=100)
    play_step = models.ForeignKey(
        PlayStep, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    undo_step = models.ForeignKey(
        UndoStep, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    agent = models.CharField(max_length=80, blank=True)  # who did it, as it was told
    toolkit = models.CharField(max_length=50, blank=True)
    action = models.CharField(max_length=120, blank=True)
    arguments: Any = models.JSONField(default=dict, blank=True)  # redacted
    mutating = models.BooleanField(default=False)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.QUEUED, editable=False
    )
    sequence = models.PositiveIntegerField(default=0)  # of the report that its status is from
    dispatched_at = models.DateTimeField(null=True, blank=True)  # it was asked for, and allowed
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    latency_ms = models.PositiveIntegerField(null=True, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    reported_by = models.CharField(max_length=80)  # an opaque ref
    first_at = models.DateTimeField(default=clock.now)
    reported_at = models.DateTimeField(default=clock.now)
    marks: Any = models.JSONField(default=dict, blank=True)  # which report each field is from
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.PartQuerySet.as_manager()

    class Meta:
        verbose_name = "run step"
        ordering = ["run", "id"]
        constraints = [
            models.UniqueConstraint(fields=["mission", "external_id"], name="run_step_told_once"),
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running", "skipped", "failed", "succeeded"]),
                name="run_step_status_known",
            ),
            models.CheckConstraint(
                condition=Q(undo_step=None) | Q(mutating=True), name="run_step_undone_if_it_changes"
            ),
        ]
        indexes = [
            models.Index(fields=["run", "id"], name="steps_of_run"),
            models.Index(
                fields=["mission", "toolkit", "dispatched_at"],
                condition=Q(dispatched_at__isnull=False),
                name="steps_dispatched",
            ),
            models.Index(fields=["mission", "-reported_at"], name="steps_reported"),
        ]

    def __str__(self) -> str:
        return self.action or self.external_id

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id

    @property
    def has_ended(self) -> bool:
        return self.status in querysets.STEP_ENDED
