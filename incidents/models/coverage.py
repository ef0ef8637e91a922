"""When somebody answers: ways to reach support with their hours, and days that differ.

A channel without a workspace is shipped: it holds for every workspace. A workspace's own row of the
same slug takes its place there.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace, slug_form
from controlplane.access.models.people import known_time_zone
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from incidents import querysets


class SupportChannel(models.Model):
    """A way to reach support, and the hours in which somebody is there."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="+", editable=False
    )
    slug = models.CharField(max_length=40, validators=[slug_form])
    title = models.CharField(max_length=80)
    about = models.CharField(max_length=300, blank=True)
    address = models.CharField(max_length=200, blank=True)  # #support, help@example.com
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])
    hours = ArrayField(models.CharField(max_length=120))  # ["mon-fri 06:00-22:00"]
    rests = models.BooleanField(default=True)  # on holidays of the workspace
    position = models.PositiveSmallIntegerField(default=100)
    shipped_mark = models.CharField(max_length=64, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ShippedQuerySet.as_manager()

    class Meta:
        verbose_name = "support channel"
        ordering = ["position", "slug", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "slug"], nulls_distinct=False, name="supportchannel_once"
            ),
            models.CheckConstraint(
                condition=Q(hours__len__gt=0), name="supportchannel_has_hours"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.title


class Holiday(models.Model):
    """A day on which channels that rest are closed, or open for some hours only."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="+", editable=False
    )
    day = models.DateField()  # as each channel's own wall has it
    title = models.CharField(max_length=120)
    hours = models.CharField(max_length=120, blank=True)  # 09:00-12:00; "": closed
    calendar = models.CharField(max_length=120, blank=True, editable=False)  # it was imported from
    made_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["day", "id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "day"], name="holiday_once"),
        ]

    def __str__(self) -> str:
        return f"{self.title}, {self.day:%Y-%m-%d}"
