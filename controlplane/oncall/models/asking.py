"""Somebody asks others to take a shift of theirs."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.oncall import querysets
from controlplane.oncall.models.rotas import Override, Schedule


class SwapRequest(models.Model):
    """`asked` is whom; nobody named means whoever is on call here. Nothing changes before somebody
    takes it: then, and in the same transaction, the swap is made."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        TAKEN = "taken", "Taken"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="requests")
    asker = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    starts = models.DateTimeField()
    ends = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.OPEN, editable=False
    )
    taker = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    made = models.OneToOneField(
        Override, null=True, blank=True, on_delete=models.PROTECT, related_name="asked_by"
    )
    answer = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    answered_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.SwapRequestQuerySet.as_manager()

    class Meta:
        verbose_name = "asked swap"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(ends__gt=F("starts")), name="oncall_request_lasts"),
            models.CheckConstraint(
                condition=Q(status="taken", taker__isnull=False, made__isnull=False)
                | (~Q(status="taken") & Q(taker=None, made=None)),
                name="oncall_request_taken_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(asked=None) | ~Q(asked=F("asker")), name="oncall_request_of_others"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="oncall_request_newest"),
            models.Index(
                fields=["schedule", "starts"],
                condition=Q(status="open"),
                name="oncall_request_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asker_id} asks from {self.starts:%Y-%m-%d %H:%M}"
