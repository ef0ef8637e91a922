"""What a check finds and work items follow."""

from __future__ import annotations

from django.db import models

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7


class Followed(models.Model):
    """Something a check found wrong, for as long as it finds it. One row and one work item for a
    rule and what it is about, however often it is found. Each check has a table of its own, with
    the pair unique in a workspace, and names in `run` who found it last."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    rule = models.CharField(max_length=40)
    about = models.CharField(max_length=120)
    status = models.CharField(max_length=6, choices=Status.choices, default=Status.OPEN)
    text = models.CharField(max_length=400)
    total = models.PositiveBigIntegerField(default=0)
    details = models.JSONField(default=dict)
    item = models.CharField(max_length=64, blank=True)  # key of the work item
    first_seen = models.DateTimeField(default=clock.now)
    last_seen = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.rule} {self.about}".strip()
