"""What is said and done while an incident lasts: updates, and those that were promised and did not
come."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from incidents import querysets
from incidents.models.records import Incident


class Update(models.Model):
    """How an incident goes on, said to the people of the house or to customers, with the time of
    the next one. What customers read is a draft until somebody publishes it who may."""

    class Audience(models.TextChoices):
        INTERNAL = "internal", "The house"
        CUSTOMERS = "customers", "Customers"

    class Kind(models.TextChoices):
        INITIAL = "initial", "First"
        UPDATE = "update", "Update"
        RECOVERY = "recovery", "It works again"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        POSTED = "posted", "Posted"
        DROPPED = "dropped", "Dropped"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="updates")
    audience = models.CharField(max_length=9, choices=Audience.choices)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    status = models.CharField(
        max_length=7, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    subject = models.CharField(max_length=200)
    text = models.TextField(max_length=8000)
    written_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    posted_by = models.CharField(max_length=80, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    posted_at = models.DateTimeField(null=True, editable=False)
    due_at = models.DateTimeField(null=True, editable=False)  # what it had been promised for
    next_at = models.DateTimeField(null=True, blank=True)  # what it promises
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.UpdateQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="posted", posted_at__isnull=False) & ~Q(posted_by="")
                | ~Q(status="posted") & Q(posted_at=None, posted_by=""),
                name="update_posted_by_somebody",
            ),
            models.CheckConstraint(condition=~Q(text=""), name="update_says_something"),
        ]
        indexes = [models.Index(fields=["workspace", "posted_at"], name="update_posted")]

    def __str__(self) -> str:
        return self.subject


class MissedUpdate(models.Model):
    """An update that was promised and did not come. `times`: so many in a row, where nobody looked
    for so long."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="missed_updates")
    due_at = models.DateTimeField()
    noticed_at = models.DateTimeField(default=clock.now)
    severity = models.CharField(max_length=8)
    times = models.PositiveIntegerField(default=1)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "due_at"], name="missedupdate_once"),
            models.CheckConstraint(condition=Q(times__gte=1), name="missedupdate_counts"),
        ]
        indexes = [models.Index(fields=["workspace", "due_at"], name="missedupdate_due")]

    def __str__(self) -> str:
        return f"{self.due_at:%Y-%m-%d %H:%M}"
