from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace
from controlplane.jobs import leases
from controlplane.lib.actors import Actor
from controlplane.lib.ids import uuid7


class TimerQuerySet(models.QuerySet["Timer"]):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(Q(workspace=None) | Q(workspace_id__in=actor.workspace_ids))

    def pending(self) -> Self:
        return self.filter(state__in=leases.OPEN)


class Timer(leases.Leased):
    """A promise with a due time: an escalation, a reminder, an expiry, an announcement.

    `key` is the promise's name: setting it again moves the promise instead of making a second.
    `due_at` is what was promised and never moves by itself; `ready_at` is when the engine may
    take the row next, which differs during retries. A repeating promise counts from `due_at`.
    """

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    kind = models.CharField(max_length=80)
    key = models.CharField(max_length=200, unique=True)
    subject = models.CharField(max_length=120, blank=True)
    workspace = models.ForeignKey(Workspace, null=True, on_delete=models.CASCADE, related_name="+")
    payload = models.JSONField(default=dict)
    due_at = models.DateTimeField()

    objects: ClassVar[models.Manager[Timer]] = models.Manager.from_queryset(TimerQuerySet)()

    class Meta:
        ordering = ["due_at", "id"]
        indexes = [
            leases.ready_index("timer_ready"),
            leases.dead_index("timer_dead"),
            models.Index(fields=["subject"], name="timer_subject"),
            models.Index(fields=["workspace", "-id"], name="timer_workspace"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
