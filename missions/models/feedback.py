"""What people say about a mission, what is learnt from it, and what follows."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from missions import querysets_learning as querysets
from missions.models.missions import Mission
from missions.models.visits import StageVisit


class Feedback(models.Model):
    """What one person says about one mission: asked for, then given or declined with a reason.
    Satisfaction is about working with the agents, the rating about what came of it."""

    class Status(models.TextChoices):
        ASKED = "asked", "Asked"
        GIVEN = "given", "Given"
        DECLINED = "declined", "Declined"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="feedback")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.ASKED, editable=False
    )
    rating = models.PositiveSmallIntegerField(null=True, blank=True)  # 1 to 5
    satisfaction = models.PositiveSmallIntegerField(null=True, blank=True)  # 1 to 5
    effort_saved_minutes = models.PositiveIntegerField(null=True, blank=True)
    blockers = models.TextField(blank=True)
    text = models.TextField(blank=True)
    declined_reason = models.CharField(max_length=500, blank=True)
    asked_at = models.DateTimeField(default=clock.now, editable=False)
    asked_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    reminded_at = models.DateTimeField(null=True, blank=True, editable=False)
    answered_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.FeedbackQuerySet.as_manager()

    class Meta:
        verbose_name = "feedback"
        verbose_name_plural = "feedback"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["mission", "person"], name="feedback_once_a_person"),
            models.CheckConstraint(
                condition=Q(status__in=["asked", "given", "declined"]),
                name="feedback_status_known",
            ),
            models.CheckConstraint(
                condition=Q(rating=None) | Q(rating__gte=1, rating__lte=5), name="feedback_rating"
            ),
            models.CheckConstraint(
                condition=Q(satisfaction=None) | Q(satisfaction__gte=1, satisfaction__lte=5),
                name="feedback_satisfaction",
            ),
            models.CheckConstraint(
                condition=Q(effort_saved_minutes=None) | Q(effort_saved_minutes__lte=600_000),
                name="feedback_effort",
            ),
            models.CheckConstraint(
                condition=Q(status="asked", answered_at=None)
                | Q(status="given", answered_at__isnull=False, rating__isnull=False)
                | Q(status="declined", answered_at__isnull=False, declined_reason__gt=""),
                name="feedback_answered_whole",
            ),
        ]
        indexes = [
            models.Index(
                fields=["person", "asked_at"], condition=Q(status="asked"), name="feedback_waiting"
            ),
            models.Index(fields=["mission", "status"], name="feedback_of_mission"),
        ]

    def __str__(self) -> str:
        return f"Feedback on {self.mission.ref}"

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id

    @property
    def effort_saved_hours(self) -> float | None:
        minutes = self.effort_saved_minutes
        return None if minutes is None else round(minutes / 60, 2)


class Retrospective(models.Model):
    """What is learnt in one visit of Reflect & Improve. The figures are the portal's own, as of
    when they were taken; people say what they mean. Once the stage is left it stays as it is."""

    class Reuse(models.TextChoices):
        NONE_YET = "", "Not said yet"
        REUSABLE = "reusable", "Can be used again"
        ADAPT = "adapt", "Can be used with changes"
        NONE = "none", "Nothing to use again"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    visit = models.OneToOneField(StageVisit, on_delete=models.PROTECT, related_name="retrospective")
    summary = models.TextField(blank=True)
    went_well = models.TextField(blank=True)
    to_improve = models.TextField(blank=True)
    kpi_actual = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    kpi_note = models.CharField(max_length=500, blank=True)
    # Computed: {"feedback", "impact", "safeguards", "trend"}, and when.
    figures: Any = models.JSONField(default=dict, blank=True)
    figures_at = models.DateTimeField(null=True, blank=True)
    authors = ArrayField(models.CharField(max_length=80), default=list, blank=True)  # opaque refs
    written_at = models.DateTimeField(null=True, blank=True)
    reuse = models.CharField(
        max_length=8, choices=Reuse.choices, default=Reuse.NONE_YET, blank=True
    )
    reuse_reason = models.CharField(max_length=500, blank=True)
    reuse_by = models.CharField(max_length=80, blank=True)
    reuse_at = models.DateTimeField(null=True, blank=True)
    # The curator looked at what people should learn, and there was or was not something.
    training_note = models.CharField(max_length=500, blank=True)
    training_by = models.CharField(max_length=80, blank=True)
    training_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.RetrospectiveQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(reuse="", reuse_by="", reuse_at=None)
                | Q(reuse__in=["reusable", "adapt", "none"], reuse_reason__gt="", reuse_by__gt="",
                    reuse_at__isnull=False),
                name="retrospective_reuse_says_why",
            ),
            models.CheckConstraint(
                condition=Q(training_at=None, training_by="")
                | Q(training_at__isnull=False) & ~Q(training_by=""),
                name="retrospective_training_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(written_at=None) | Q(summary__gt=""),
                name="retrospective_written_says_something",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"Retrospective of {self.mission.ref}"

    @property
    def mission(self) -> Mission:
        return self.visit.mission

    @property
    def workspace_id(self) -> int:
        return self.visit.mission.workspace_id


class TrainingItem(models.Model):
    """Something the people or agents of a role should learn."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        IN_PROGRESS = "in_progress", "In progress"
        DONE = "done", "Done"
        DROPPED = "dropped", "Dropped"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=200)
    detail = models.TextField(blank=True)
    role = models.CharField(max_length=40)  # of the table of roles
    mission = models.ForeignKey(
        Mission, null=True, blank=True, on_delete=models.PROTECT, related_name="training"
    )
    status = models.CharField(
        max_length=11, choices=Status.choices, default=Status.OPEN, editable=False
    )
    owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    due_on = models.DateField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)  # why it was dropped or opened again
    created_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.TrainingQuerySet.as_manager()

    class Meta:
        verbose_name = "training item"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(title__regex=r"^\s*$"), name="training_has_title"),
            models.CheckConstraint(
                condition=Q(status__in=[*querysets.TRAINING_OPEN, "done", "dropped"]),
                name="training_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=querysets.TRAINING_OPEN, closed_at=None)
                | Q(status__in=["done", "dropped"], closed_at__isnull=False),
                name="training_closed_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status="dropped") | Q(reason__gt=""), name="training_dropped_says_why"
            ),
            models.CheckConstraint(
                condition=~Q(status="in_progress") | Q(owner__isnull=False, due_on__isnull=False),
                name="training_begun_has_owner",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace", "role", "due_on"],
                condition=Q(status__in=querysets.TRAINING_OPEN),
                name="training_backlog",
            ),
            models.Index(fields=["workspace", "-id"], name="training_newest"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.status in querysets.TRAINING_OPEN
