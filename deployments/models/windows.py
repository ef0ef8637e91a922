"""Times in which something is worked on, and what is said about them in advance."""

from __future__ import annotations

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

from controlplane.access.models import User, Workspace
from controlplane.approvals.models import Request
from controlplane.catalog.models import Environment, Service
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.notify.models import Notification
from controlplane.work.models import Item
from deployments.maintenance import querysets

# Whatever comes before this has no plan to undo it that was tried.
_CONSENTED = ["approved", "in_progress", "monitoring", "completed"]


class MaintenanceWindow(models.Model):
    """One stretch of time. All times are instants in UTC; who looks sees them by their own clock.
    `revision` counts how often it was given a time: notices belong to one of them."""

    class Kind(models.TextChoices):
        SCHEDULED = "scheduled", "Scheduled"
        EMERGENCY = "emergency", "Emergency"

    class Owner(models.TextChoices):
        US = "us", "Us"
        PARTNER = "partner", "A partner"

    class Trigger(models.TextChoices):
        NONE = "", "–"
        CVE = "cve", "Critical vulnerability"
        DATA_INTEGRITY = "data_integrity", "Data integrity"
        PARTNER_MANDATE = "partner_mandate", "A partner demands it"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SCHEDULED = "scheduled", "Scheduled"
        ANNOUNCED = "announced", "Announced"
        APPROVED = "approved", "Approved"
        IN_PROGRESS = "in_progress", "In progress"
        MONITORING = "monitoring", "Monitoring"
        COMPLETED = "completed", "Completed"
        ROLLED_BACK = "rolled_back", "Rolled back"
        CANCELLED = "cancelled", "Cancelled"
        MISSED = "missed", "Missed"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    ref = models.CharField(max_length=16, editable=False)  # MNT-4
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.SCHEDULED)
    owner = models.CharField(max_length=7, choices=Owner.choices, default=Owner.US)
    partner = models.CharField(max_length=120, blank=True)  # whose it is, where it isn't ours
    status = models.CharField(
        max_length=11, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    # None named: all that runs in the environment.
    services = models.ManyToManyField(Service, through="WindowService", related_name="+")
    about = models.TextField(blank=True)  # what users are told: what is done, what they notice
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    user_facing = models.BooleanField(default=True)
    rollback_plan = models.TextField(blank=True)
    tested_in_staging = models.BooleanField(default=False, editable=False)
    test_evidence = models.TextField(blank=True, editable=False)
    tested_by = models.CharField(max_length=80, blank=True, editable=False)  # an opaque ref
    tested_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Of an emergency.
    trigger = models.CharField(
        max_length=15, choices=Trigger.choices, default=Trigger.NONE, blank=True
    )
    urgency = models.CharField(max_length=500, blank=True)
    impact = models.CharField(max_length=500, blank=True)
    # [{"rule", "reason", "by", "at"}]: which rules it goes without, on whose word.
    waived = models.JSONField(default=list, blank=True, editable=False, encoder=DjangoJSONEncoder)
    watcher = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # As it went.
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    monitor_until = models.DateTimeField(null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    close_reason = models.CharField(max_length=500, blank=True, editable=False)
    revision = models.PositiveSmallIntegerField(default=0, editable=False)
    # Its neighbours.
    item = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.SET_NULL, related_name="windows"
    )
    review = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    approval = models.ForeignKey(
        Request, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    created_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.WindowQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "ref"], name="window_ref_once"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="window_span"),
            models.CheckConstraint(
                condition=Q(kind="scheduled") | ~Q(trigger="") & ~Q(urgency="") & ~Q(impact=""),
                name="window_emergency_why",
            ),
            models.CheckConstraint(
                condition=Q(owner="us", partner="")
                | Q(owner="partner", kind="scheduled") & ~Q(partner=""),
                name="window_partner_named",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=_CONSENTED)
                | ~Q(owner="us", kind="scheduled")
                | Q(tested_in_staging=True) & ~Q(rollback_plan="")
                | Q(waived__contains=[{"rule": "tested"}]),
                name="window_rollback_tested",
            ),
            models.CheckConstraint(
                condition=Q(tested_in_staging=False, tested_at=None)
                | Q(tested_in_staging=True, tested_at__isnull=False) & ~Q(test_evidence=""),
                name="window_test_shown",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["in_progress", "monitoring", "completed", "rolled_back"])
                | Q(started_at__isnull=False),
                name="window_started_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=querysets.ENDED) | Q(closed_at__isnull=False),
                name="window_ended_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["monitoring", "completed"], owner="us")
                | Q(finished_at__isnull=False, monitor_until__isnull=False),
                name="window_watched",
            ),
            models.CheckConstraint(
                condition=~Q(status="completed", owner="us") | Q(closed_at__gte=F("monitor_until")),
                name="window_watched_to_its_end",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "cancelled"]) | Q(revision__gt=0),
                name="window_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-starts_at"], name="window_newest"),
            models.Index(
                fields=["workspace", "starts_at"],
                condition=~Q(status__in=querysets.ENDED),
                name="window_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def is_open(self) -> bool:
        return self.status not in querysets.ENDED

    @property
    def is_emergency(self) -> bool:
        return self.kind == self.Kind.EMERGENCY

    @property
    def is_ours(self) -> bool:
        return self.owner == self.Owner.US

    def waiver(self, rule: str) -> dict[str, Any] | None:
        """On whose word it goes without this rule."""
        return next((each for each in self.waived if each.get("rule") == rule), None)


class WindowService(models.Model):
    """A service that is worked on then. It carries the window's time, so that the database keeps
    two windows from one service at once; `holds` while that time is taken."""

    window = models.ForeignKey(MaintenanceWindow, on_delete=models.PROTECT, related_name="parts")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="+")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    holds = models.BooleanField(default=False)
    objects = querysets.WindowPartQuerySet.as_manager()

    class Meta:
        verbose_name = "service of a window"
        verbose_name_plural = "services of windows"
        ordering = ["window", "service"]
        constraints = [
            models.UniqueConstraint(fields=["window", "service"], name="window_service_once")
        ]

    def __str__(self) -> str:
        return self.service.name


class Notice(models.Model):
    """One thing to be said in one place at one time. Written when the window gets its time, so
    that none can be forgotten; one row for each, so that none is said twice."""

    class Kind(models.TextChoices):
        PLANNED = "planned", "Planned"
        WEEK = "week", "7 days before"
        DAY = "day", "24 hours before"
        START = "start", "It begins"
        DONE = "done", "It is over"
        CORRECTION = "correction", "Its time changed"
        CANCELLED = "cancelled", "It is cancelled"
        MISSED = "missed", "It did not begin"

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        STATUS = "status", "Status page"
        CHAT = "chat", "Chat"
        BANNER = "banner", "Banner"
        INAPP = "inapp", "Inbox"

    class State(models.TextChoices):
        DUE = "due", "Due"
        SENT = "sent", "Sent"
        LATE = "late", "Sent late"
        FOLDED = "folded", "Said with the next"
        NOWHERE = "nowhere", "Nobody to tell"
        VOID = "void", "No longer true"

    window = models.ForeignKey(MaintenanceWindow, on_delete=models.PROTECT, related_name="notices")
    revision = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    channel = models.CharField(max_length=6, choices=Channel.choices)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=7, choices=State.choices, default=State.DUE)
    sent_at = models.DateTimeField(null=True, blank=True)
    folded_into = models.CharField(max_length=10, choices=Kind.choices, blank=True)
    # What was sent through the outbox; the others are read where they are shown.
    notification = models.ForeignKey(
        Notification, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    objects = querysets.NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = "notice of a window"
        verbose_name_plural = "notices of windows"
        ordering = ["window", "revision", "due_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["window", "revision", "kind", "channel"], name="notice_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["due", "void"], sent_at=None)
                | ~Q(state__in=["due", "void"]) & Q(sent_at__isnull=False),
                name="notice_sent_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state="folded") & ~Q(folded_into="")
                | ~Q(state="folded") & Q(folded_into=""),
                name="notice_folded_into",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="due"), name="notice_due"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.get_channel_display()}"

    @property
    def workspace_id(self) -> int:
        return self.window.workspace_id
