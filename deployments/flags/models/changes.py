"""What was changed, what will be, and what is asked for."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace
from controlplane.approvals.models import Request
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from deployments.flags import querysets
from deployments.flags.models.flags import Flag


class FlagChange(models.Model):
    """One change, before and after. Rows are only added: a trigger refuses the rest.

    Without an environment it is about the flag as a whole. `version` is that of the flag, or of
    its state there, after the change; `revision` the environment's.
    """

    class Kind(models.TextChoices):
        CREATE = "create", "Made"
        EDIT = "edit", "Changed"
        KILL = "kill", "Switched off"
        ENABLE = "enable", "Switched on"
        UNDO = "undo", "Undone"
        SCHEDULE = "schedule", "By schedule"
        APPROVED = "approved", "By consent"
        SQL = "sql", "In the database"
        ARCHIVE = "archive", "Archived"
        RESTORE = "restore", "Restored"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    flag = models.ForeignKey(Flag, on_delete=models.PROTECT, related_name="changes")
    environment = models.ForeignKey(
        Environment, null=True, on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.CharField(max_length=300, blank=True)
    item = models.CharField(max_length=120, blank=True)  # the work item it was done for, by its id
    actor_ref = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now)
    version = models.PositiveIntegerField()
    revision = models.BigIntegerField(null=True)
    undoes = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="undone")
    objects = querysets.ChangeQuerySet.as_manager()

    class Meta:
        verbose_name = "flag change"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["flag", "-id"], name="flag_change_flag"),
            models.Index(fields=["workspace", "-id"], name="flag_change_workspace"),
            models.Index(fields=["environment", "-id"], name="flag_change_environment"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.flag}"


class ScheduledChange(models.Model):
    """Settings that will be put into place at a time, by a timer."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        APPLIED = "applied", "Applied"
        FAILED = "failed", "Not applied"
        CANCELLED = "cancelled", "Cancelled"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="schedules")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="+")
    settings = models.JSONField()
    base = models.JSONField()  # what stood when it was planned
    base_version = models.PositiveIntegerField()
    at = models.DateTimeField()
    reason = models.CharField(max_length=300, blank=True)
    item = models.CharField(max_length=120, blank=True)
    author_ref = models.CharField(max_length=80)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.WAITING, editable=False
    )
    outcome = models.CharField(max_length=500, blank=True, editable=False)
    change = models.ForeignKey(
        FlagChange, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.WaitingQuerySet.as_manager()

    class Meta:
        verbose_name = "scheduled change"
        ordering = ["at", "id"]
        indexes = [
            models.Index(
                fields=["flag", "at"], name="flag_schedule_open", condition=Q(status="waiting")
            )
        ]

    def __str__(self) -> str:
        return f"{self.flag} in {self.environment} at {self.at:%Y-%m-%d %H:%M}"


class ChangeRequest(models.Model):
    """Settings that somebody wants and others must consent to."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting for consent"
        APPROVED = "approved", "Consented, waits for its time"
        APPLIED = "applied", "Applied"
        REJECTED = "rejected", "Refused"
        RETURNED = "returned", "Sent back for changes"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"
        VOID = "void", "Void: what it would change has moved"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="change_requests")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="+")
    settings = models.JSONField()
    base = models.JSONField()  # what stood when it was asked for
    base_version = models.PositiveIntegerField()
    reason = models.CharField(max_length=300)
    item = models.CharField(max_length=120, blank=True)
    author_ref = models.CharField(max_length=80)
    apply_at = models.DateTimeField(null=True, blank=True)
    approval = models.OneToOneField(
        Request, null=True, on_delete=models.PROTECT, related_name="flag_change", editable=False
    )
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.WAITING, editable=False
    )
    outcome = models.CharField(max_length=500, blank=True, editable=False)
    change = models.ForeignKey(
        FlagChange, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.WaitingQuerySet.as_manager()

    class Meta:
        verbose_name = "change request"
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["flag", "-id"],
                name="flag_request_open",
                condition=Q(status__in=["waiting", "approved"]),
            )
        ]

    def __str__(self) -> str:
        return f"Change of {self.flag} in {self.environment}"
