"""The outbox: side effects that must happen."""

from __future__ import annotations

from django.db import models

from controlplane.access.models import Workspace
from controlplane.jobs import leases
from controlplane.lib.ids import uuid7
from controlplane.notify import querysets


class OutboxMessage(leases.Leased):
    """A side effect that must happen: written with the change that wants it, sent by a lease."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    topic = models.CharField(max_length=60)
    key = models.CharField(max_length=200, unique=True)
    payload = models.JSONField(default=dict)
    subject = models.CharField(max_length=120, blank=True)  # audit ref of what it is about
    correlation_id = models.CharField(max_length=128, blank=True)
    objects = querysets.OutboxQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            leases.ready_index("outbox_ready"),
            leases.dead_index("outbox_dead"),
            models.Index(fields=["workspace", "-id"], name="outbox_workspace"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"
