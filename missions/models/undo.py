"""How what a mission changes is taken back: planned, tried, done."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item
from missions import querysets_plans as querysets
from missions.models.missions import Mission
from missions.models.plays import Play, PlayStep


class UndoPlan(models.Model):
    """For one play: what takes back each step that changes something, and for how long after it.
    While it is ready nothing in it changes."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        READY = "ready", "Ready"
        EXECUTED = "executed", "Executed"
        EXPIRED = "expired", "Expired"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    play = models.OneToOneField(Play, on_delete=models.PROTECT, related_name="undo_plan")
    label = models.CharField(max_length=200)
    impact = models.CharField(max_length=500, blank=True)  # what taking it back means
    window_minutes = models.PositiveIntegerField()
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    ready_at = models.DateTimeField(null=True, blank=True, editable=False)
    ready_by = models.CharField(max_length=80, blank=True, editable=False)  # an opaque ref
    # When the last drill of all its steps went well; none since a step was changed.
    tested_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Until when it may be taken back: the window after the last change. None before the first.
    deadline_at = models.DateTimeField(null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    closed_reason = models.CharField(max_length=500, blank=True, editable=False)
    made_by = models.CharField(max_length=80, editable=False)
    changed_by = models.CharField(max_length=80, editable=False)
    # Whoever wrote of it what stands, or stood: opaque refs. They sign nothing of it.
    authors = ArrayField(models.CharField(max_length=80), default=list, blank=True, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.UndoPlanQuerySet.as_manager()

    class Meta:
        verbose_name = "undo plan"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["draft", "ready", "executed", "expired"]),
                name="undo_plan_status_known",
            ),
            models.CheckConstraint(
                condition=Q(window_minutes__gte=1, window_minutes__lte=43_200),
                name="undo_plan_window",
            ),
            models.CheckConstraint(
                condition=~Q(status="ready") | Q(ready_at__isnull=False, ready_by__gt=""),
                name="undo_plan_ready_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["executed", "expired"], closed_at__isnull=False)
                | Q(status__in=["draft", "ready"], closed_at=None),
                name="undo_plan_closed_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["deadline_at"], condition=Q(status="ready"), name="undo_plans_due"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def mission(self) -> Mission:
        return self.play.mission

    @property
    def workspace_id(self) -> int:
        return self.play.mission.workspace_id


class UndoStep(models.Model):
    """What takes one step back, and how one sees that it did. Alternates are tried where the
    others failed."""

    plan = models.ForeignKey(UndoPlan, on_delete=models.PROTECT, related_name="steps")
    position = models.PositiveSmallIntegerField()
    play_step = models.ForeignKey(
        PlayStep, null=True, blank=True, on_delete=models.PROTECT, related_name="undo_steps"
    )
    action = models.CharField(max_length=200)  # what is taken back, in words
    inverse = models.CharField(max_length=1_000)
    verify = models.CharField(max_length=1_000)
    alternate = models.BooleanField(default=False)
    # When a drill or a real run did it and saw that it worked.
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Another one took its place: it stays to be read beside what was tried with it.
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    objects = querysets.UndoPartQuerySet.as_manager()

    class Meta:
        verbose_name = "undo step"
        ordering = ["plan", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "position"], condition=Q(removed_at=None), name="undo_step_once"
            ),
            models.CheckConstraint(condition=Q(position__gte=1), name="undo_step_from_one"),
            models.CheckConstraint(
                condition=Q(inverse__gt="", verify__gt=""), name="undo_step_says_how"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.action}"


class UndoRun(models.Model):
    """The plan carried out: as a drill, or in earnest. One at a time; what failed is followed by
    the alternates or by an incident's work item."""

    class Status(models.TextChoices):
        REQUESTED = "requested", "Requested"
        RUNNING = "running", "Running"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Failed"
        WITHDRAWN = "withdrawn", "Withdrawn"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    plan = models.ForeignKey(UndoPlan, on_delete=models.PROTECT, related_name="runs")
    drill = models.BooleanField(default=False)
    alternate = models.BooleanField(default=False)  # it goes by the alternates
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.REQUESTED, editable=False
    )
    # Keys of the steps it takes, in the order it takes them.
    takes = ArrayField(models.BigIntegerField(), default=list)
    late = models.BooleanField(default=False)  # asked for after the window was over
    reason = models.CharField(max_length=500)
    requested_by = models.CharField(max_length=80)  # an opaque ref
    requested_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    reversed = models.PositiveSmallIntegerField(default=0)  # steps that were taken back
    outcome = models.CharField(max_length=500, blank=True)
    # What follows a failure: the run by the alternates, or the incident's item.
    followed_by = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="follows"
    )
    item = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    item_key = models.CharField(max_length=80, blank=True)  # it stays when the item is deleted
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.UndoRunQuerySet.as_manager()

    class Meta:
        verbose_name = "undo run"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan"],
                condition=Q(status__in=querysets.UNDO_OPEN),
                name="one_undo_run_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[*querysets.UNDO_OPEN, "completed", "failed", "withdrawn"]),
                name="undo_run_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["requested", "withdrawn"], started_at=None)
                | Q(status__in=["running", "completed", "failed"], started_at__isnull=False),
                name="undo_run_begun_has_time",
            ),
            models.CheckConstraint(
                condition=Q(status__in=querysets.UNDO_OPEN, finished_at=None)
                | ~Q(status__in=querysets.UNDO_OPEN) & Q(finished_at__isnull=False),
                name="undo_run_ended_has_time",
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None) | Q(finished_at__gte=F("started_at")),
                name="undo_run_ends_after_it_starts",
            ),
            models.CheckConstraint(condition=Q(reason__gt=""), name="undo_run_says_why"),
        ]
        indexes = [models.Index(fields=["plan", "-id"], name="undo_runs_newest")]

    def __str__(self) -> str:
        kind = "Drill" if self.drill else "Undo"
        return f"{kind} of {self.plan.label}"

    @property
    def workspace_id(self) -> int:
        return self.plan.workspace_id

    @property
    def is_open(self) -> bool:
        return self.status in querysets.UNDO_OPEN


class UndoAttempt(models.Model):
    """One try at one step. Never written again."""

    class Result(models.TextChoices):
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"

    run = models.ForeignKey(UndoRun, on_delete=models.PROTECT, related_name="attempts")
    step = models.ForeignKey(UndoStep, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    result = models.CharField(max_length=7, choices=Result.choices)
    note = models.CharField(max_length=1_000, blank=True)  # what was seen
    external_id = models.CharField(max_length=100, blank=True)
    by = models.CharField(max_length=80)  # an opaque ref
    at = models.DateTimeField(default=clock.now)
    objects = querysets.UndoAttemptQuerySet.as_manager()

    class Meta:
        verbose_name = "undo attempt"
        ordering = ["run", "id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "step", "number"], name="undo_attempt_once"),
            models.UniqueConstraint(
                fields=["run", "external_id"],
                condition=~Q(external_id=""),
                name="undo_attempt_told_once",
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="undo_attempt_from_one"),
            models.CheckConstraint(
                condition=Q(result__in=["done", "failed", "skipped"]), name="undo_attempt_result"
            ),
            models.CheckConstraint(
                condition=Q(result="done") | Q(note__gt=""), name="undo_attempt_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step}: {self.get_result_display()}"
