"""The mission: one piece of work given to agents."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item
from missions import querysets, stages


class Mission(models.Model):
    """Where it stands is its stage and its status; both change in one function
    (`services.moving.move`) and by known moves only, which the database holds to as well. Whether
    it is blocked, ready or overdue is computed (`standing`)."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        COMPLETED = "completed", "Completed"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    class Cause(models.TextChoices):
        """Why it is paused."""

        NONE = "", "–"
        OPERATOR = "operator", "Somebody paused it"
        SAFEGUARD = "safeguard", "A safeguard was violated"
        KILL_SWITCH = "kill_switch", "Its kind was switched off"
        AUTHORIZATION = "authorization", "An authorization is missing"

    class Priority(models.IntegerChoices):
        P0 = 0, "P0"
        P1 = 1, "P1"
        P2 = 2, "P2"
        P3 = 3, "P3"
        P4 = 4, "P4"

    class Source(models.TextChoices):
        CONSOLE = "console", "Console"
        API = "api", "API"
        DESK = "desk", "Review desk"
        IMPORT = "import", "Import"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    ref = models.CharField(max_length=16, editable=False)  # MSN-7
    title = models.CharField(max_length=200)
    intent = models.TextField(blank=True)  # in the words of whoever wants it
    mission_type = models.SlugField(max_length=40, blank=True)  # asked as mission_type_<it>
    persona = models.CharField(max_length=100, blank=True)  # whom it is done for
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.P2)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    due_on = models.DateField(null=True, blank=True)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    stage = models.CharField(
        max_length=15, choices=stages.CHOICES, default=stages.FIRST, editable=False
    )
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    paused_by = models.CharField(max_length=80, blank=True, editable=False)  # an opaque ref
    paused_cause = models.CharField(
        max_length=13, choices=Cause.choices, default=Cause.NONE, blank=True, editable=False
    )
    pause_reason = models.CharField(max_length=500, blank=True, editable=False)
    # [{"cause", "by", "reason", "at"}]: what else holds it while it is paused, the gravest first.
    held_too: Any = models.JSONField(default=list, blank=True, editable=False)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    close_reason = models.CharField(max_length=500, blank=True, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    item = models.OneToOneField(
        Item, null=True, blank=True, on_delete=models.SET_NULL, related_name="mission"
    )
    # As the system it came from called its stage; of what was made here the stage's old names.
    stage_legacy = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    external_ref = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=7, choices=Source.choices, default=Source.CONSOLE)
    created_by = models.CharField(max_length=80)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.MissionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "ref"], name="mission_ref_once"),
            models.UniqueConstraint(
                fields=["workspace", "external_ref"],
                condition=~Q(external_ref=""),
                name="mission_external_ref_once",
                violation_error_message="There is a mission of this reference already.",
            ),
            models.CheckConstraint(condition=~Q(title__regex=r"^\s*$"), name="mission_has_title"),
            models.CheckConstraint(
                condition=Q(priority__gte=0, priority__lte=4), name="mission_priority"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", *querysets.UNDER_WAY, *querysets.ENDED]),
                name="mission_status_known",
            ),
            models.CheckConstraint(condition=Q(stage__in=stages.SLUGS), name="mission_stage_known"),
            models.CheckConstraint(
                condition=~Q(status="draft") | Q(stage=stages.FIRST, started_at=None),
                name="mission_draft_is_in_no_stage",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=querysets.UNDER_WAY) | Q(started_at__isnull=False),
                name="mission_under_way_has_begun",
            ),
            models.CheckConstraint(
                condition=Q(status="paused", paused_at__isnull=False, pause_reason__gt="")
                & ~Q(paused_cause="")
                | ~Q(status="paused") & Q(paused_at=None, paused_cause=""),
                name="mission_paused_says_why",
            ),
            models.CheckConstraint(
                condition=Q(status="paused") | Q(held_too=[]), name="mission_held_only_while_paused"
            ),
            models.CheckConstraint(
                condition=Q(status__in=querysets.ENDED, closed_at__isnull=False)
                | ~Q(status__in=querysets.ENDED) & Q(closed_at=None),
                name="mission_ended_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["cancelled", "failed"]) | Q(close_reason__gt=""),
                name="mission_given_up_says_why",
            ),
            models.CheckConstraint(
                condition=Q(archived_at=None) | Q(status__in=querysets.ENDED),
                name="mission_archived_has_ended",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="mission_newest"),
            models.Index(
                fields=["workspace", "stage"],
                condition=Q(status__in=querysets.UNDER_WAY),
                name="mission_under_way",
            ),
            models.Index(
                fields=["workspace", "stage", "status"],
                condition=~Q(status__in=querysets.ENDED),
                name="mission_going_on",
            ),
            models.Index(
                fields=["workspace", "due_on"],
                condition=~Q(status__in=querysets.ENDED) & Q(due_on__isnull=False),
                name="mission_due",
            ),
            models.Index(fields=["workspace", "-closed_at"], name="mission_closed"),
            models.Index(fields=["owner", "-id"], name="missions_of_owner"),
            GinIndex(fields=["tags"], name="mission_tags"),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def is_open(self) -> bool:
        return self.status not in querysets.ENDED

    @property
    def is_under_way(self) -> bool:
        return self.status in querysets.UNDER_WAY

    def is_overdue(self, today: date | None = None) -> bool:
        day = today or clock.now().date()
        return self.is_open and self.due_on is not None and self.due_on < day

    @property
    def flag_name(self) -> str:
        """The flag that must be on for missions of its type to run; none without a type."""
        return f"mission_type_{self.mission_type}" if self.mission_type else ""
