"""What an agent remembers of a mission between its calls."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from missions import querysets_guarding as querysets
from missions.models.missions import Mission


class AgentSession(models.Model):
    """One for each mission and agent. Each write says which version it goes on from; a write that
    goes on from another one is refused, counted and told of."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        IDLE = "idle", "Idle"
        TERMINATED = "terminated", "Terminated"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="sessions")
    agent = models.CharField(max_length=64)  # its role among agents, or the name it gives
    key = models.CharField(max_length=64)  # with the Tool Router
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.ACTIVE, editable=False
    )
    snapshot: Any = models.JSONField(default=dict, blank=True)
    size_bytes = models.PositiveIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)
    lag_ms = models.PositiveIntegerField(null=True, blank=True)
    conflicts = models.PositiveIntegerField(default=0)  # writes refused
    conflict_at = models.DateTimeField(null=True, blank=True)
    beat_at = models.DateTimeField(default=clock.now)
    # How long the Tool Router took to make it, as the agent measured.
    creation_ms = models.PositiveIntegerField(null=True, blank=True)
    opened_by = models.CharField(max_length=80)  # an opaque ref
    opened_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.AgentSessionQuerySet.as_manager()

    class Meta:
        verbose_name = "agent session"
        ordering = ["-beat_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["mission", "agent"], name="agent_session_once"),
            models.CheckConstraint(
                condition=Q(status__in=["active", "idle", "terminated"]),
                name="agent_session_status",
            ),
            models.CheckConstraint(
                condition=Q(status="terminated", ended_at__isnull=False)
                | ~Q(status="terminated") & Q(ended_at=None),
                name="agent_session_ended",
            ),
        ]
        indexes = [
            models.Index(
                fields=["beat_at"], condition=Q(status="active"), name="agent_session_silent"
            ),
            models.Index(
                fields=["ended_at"],
                condition=Q(ended_at__isnull=False),
                name="agent_session_to_clean",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent} of {self.mission.ref}"

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id
