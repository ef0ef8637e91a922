"""The plan of a mission: plays to choose from, what can go wrong, what it means for promises."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from controlplane.access.models import User
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from missions import querysets_plans as querysets
from missions.models.missions import Mission
from missions.models.visits import StageVisit


class Level(models.TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"


class Play(models.Model):
    """One way to do it, as an agent proposed it. What it says never changes: whoever has a better
    idea proposes another, and this one is withdrawn."""

    class Status(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        SELECTED = "selected", "Selected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="plays")
    key = models.CharField(max_length=100)  # the planner's own name of it
    rank = models.PositiveSmallIntegerField()  # 1 is the best
    title = models.CharField(max_length=200)
    rationale = models.TextField(blank=True)
    impact = models.CharField(max_length=500, blank=True)  # what is expected of it
    confidence = models.DecimalField(max_digits=4, decimal_places=3, null=True, blank=True)
    effort = models.CharField(max_length=6, choices=Level.choices, default=Level.MEDIUM)
    risk = models.CharField(max_length=6, choices=Level.choices, default=Level.MEDIUM)
    # [{"id", "title", "similarity", "summary"}]: what it was made from, a handful at most.
    precedents: Any = models.JSONField(default=list, blank=True)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.PROPOSED, editable=False
    )
    digest = models.CharField(max_length=64, editable=False)  # of all it says, with its steps
    proposed_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    proposed_at = models.DateTimeField(default=clock.now, editable=False)
    selected_at = models.DateTimeField(null=True, blank=True, editable=False)
    selected_by = models.CharField(max_length=80, blank=True, editable=False)
    reason = models.CharField(max_length=500, blank=True, editable=False)  # of the choice
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.PlayQuerySet.as_manager()

    class Meta:
        ordering = ["mission", "rank", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mission", "rank"],
                condition=~Q(status="withdrawn"),
                name="play_rank_once",
            ),
            models.UniqueConstraint(
                fields=["mission", "key"], condition=~Q(status="withdrawn"), name="play_key_once"
            ),
            models.UniqueConstraint(
                fields=["mission"], condition=Q(status="selected"), name="one_play_is_selected"
            ),
            models.CheckConstraint(condition=Q(rank__gte=1, rank__lte=3), name="play_rank"),
            models.CheckConstraint(
                condition=Q(status__in=["proposed", "selected", "withdrawn"]),
                name="play_status_known",
            ),
            models.CheckConstraint(
                condition=Q(confidence=None) | Q(confidence__gte=0, confidence__lte=1),
                name="play_confidence",
            ),
            models.CheckConstraint(
                condition=~Q(status="selected") | Q(selected_at__isnull=False, selected_by__gt=""),
                name="play_selected_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["mission", "-id"], name="plays_newest")]

    def __str__(self) -> str:
        return f"{self.rank}. {self.title}"

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id

    @property
    def is_live(self) -> bool:
        return self.status != self.Status.WITHDRAWN


class PlayStep(models.Model):
    """What a play does, one action after the other."""

    play = models.ForeignKey(Play, on_delete=models.PROTECT, related_name="steps")
    position = models.PositiveSmallIntegerField()
    toolkit = models.CharField(max_length=50, blank=True)  # the slug of an integration
    action = models.CharField(max_length=120)
    summary = models.CharField(max_length=500, blank=True)
    mutating = models.BooleanField(default=False)  # it changes something outside
    objects = querysets.PlayPartQuerySet.as_manager()

    class Meta:
        verbose_name = "play step"
        ordering = ["play", "position"]
        constraints = [
            models.UniqueConstraint(fields=["play", "position"], name="play_step_once"),
            models.CheckConstraint(condition=Q(position__gte=1), name="play_step_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.action}"


class PlanNote(models.Model):
    """What the plan says beside its plays."""

    mission = models.OneToOneField(Mission, on_delete=models.PROTECT, related_name="plan_note")
    risk_notes = models.TextField(blank=True)
    sla_impact = models.TextField(blank=True)
    changed_by = models.CharField(max_length=80, blank=True)  # an opaque ref
    authors = ArrayField(models.CharField(max_length=80), default=list, blank=True, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.PartQuerySet.as_manager()

    class Meta:
        verbose_name = "plan note"

    def __str__(self) -> str:
        return f"Plan of {self.mission.ref}"


class RiskEntry(models.Model):
    """What can go wrong, where it stands in the matrix, and who sees to it."""

    class Reversibility(models.TextChoices):
        FULL = "full", "Can be taken back"
        PARTLY = "partly", "In part"
        NONE = "none", "Cannot be taken back"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="risks")
    title = models.CharField(max_length=200)
    likelihood = models.PositiveSmallIntegerField()  # 1 to 5
    impact = models.PositiveSmallIntegerField()  # 1 to 5
    reversibility = models.CharField(max_length=6, choices=Reversibility.choices)
    mitigation = models.CharField(max_length=1_000, blank=True)
    owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    authors = ArrayField(models.CharField(max_length=80), default=list, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    removed_by = models.CharField(max_length=80, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.RiskQuerySet.as_manager()

    class Meta:
        verbose_name = "risk"
        ordering = ["mission", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(likelihood__gte=1, likelihood__lte=5, impact__gte=1, impact__lte=5),
                name="risk_one_to_five",
            ),
            models.CheckConstraint(
                condition=Q(reversibility__in=["full", "partly", "none"]),
                name="risk_reversibility",
            ),
            models.CheckConstraint(
                condition=Q(removed_at=None, removed_by="")
                | Q(removed_at__isnull=False, removed_by__gt=""),
                name="risk_removed_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["mission", "id"], name="risks_of_mission")]

    def __str__(self) -> str:
        return self.title

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id

    @property
    def score(self) -> int:
        return self.likelihood * self.impact

    @property
    def is_whole(self) -> bool:
        """Somebody sees to it, and it is said how."""
        return bool(self.mitigation) and self.owner_id is not None


class HookCheck(models.Model):
    """The telemetry analyst looked whether what is about to run will be seen: of one plan, by its
    digest. Of another plan it says nothing."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    visit = models.ForeignKey(StageVisit, on_delete=models.PROTECT, related_name="hook_checks")
    sha256 = models.CharField(max_length=64)
    passed = models.BooleanField()
    details = models.CharField(max_length=2_000, blank=True)
    by = models.CharField(max_length=80)  # an opaque ref
    at = models.DateTimeField(default=clock.now)
    objects = querysets.VisitPartQuerySet.as_manager()

    class Meta:
        verbose_name = "hook check"
        ordering = ["visit", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="hook_check_digest"
            ),
            models.CheckConstraint(
                condition=Q(passed=True) | Q(details__gt=""), name="hook_check_says_what_is_missing"
            ),
        ]

    def __str__(self) -> str:
        return "Hooks are present" if self.passed else "Hooks are missing"

    @property
    def workspace_id(self) -> int:
        return self.visit.mission.workspace_id


class DutyWindow(models.Model):
    """Somebody of Operations Command watches over the mission from then till then, beside whoever
    is on duty by the rota."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="duty_windows")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    note = models.CharField(max_length=500, blank=True)
    by = models.CharField(max_length=80, editable=False)  # an opaque ref
    at = models.DateTimeField(default=clock.now, editable=False)
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)
    cancelled_by = models.CharField(max_length=80, blank=True, editable=False)
    objects = querysets.DutyQuerySet.as_manager()

    class Meta:
        verbose_name = "duty window"
        ordering = ["mission", "starts_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="duty_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=Q(cancelled_at=None, cancelled_by="")
                | Q(cancelled_at__isnull=False, cancelled_by__gt=""),
                name="duty_cancelled_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["mission", "starts_at"], name="duty_of_mission")]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} to {self.ends_at:%Y-%m-%d %H:%M} UTC"

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id
