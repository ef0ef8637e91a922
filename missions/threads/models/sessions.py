"""Runtimes: where an agent runs, and how it is reached there."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q

from controlplane.access.models import Agent, Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from missions.threads import querysets


class RuntimeSession(models.Model):
    """One session of an agent's runtime. An agent may hold several; a wake goes to the best."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        IDLE = "idle", "Idle"
        OFFLINE = "offline", "Offline"

    class Management(models.TextChoices):
        MANAGED = "managed", "Managed"
        UNMANAGED = "unmanaged", "Unmanaged"

    class Adapter(models.TextChoices):
        PULL = "pull", "Reads by itself"
        WEBHOOK = "webhook", "Webhook"
        TMUX = "tmux", "tmux pane"
        COMMAND = "command", "Command"
        MCP = "mcp", "Push over MCP"
        SSE = "sse", "Push over its event stream"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="+")
    session_id = models.CharField(max_length=128)  # as the runtime calls it
    runtime = models.CharField(max_length=60)  # codex, claude-code, …
    adapter = models.CharField(max_length=8, choices=Adapter.choices, default=Adapter.PULL)
    # A pane, an address: as its adapter wants it. Secrets are sealed beside it.
    target = models.CharField(max_length=500, blank=True)
    secret = models.TextField(blank=True, editable=False)
    management = models.CharField(
        max_length=9, choices=Management.choices, default=Management.UNMANAGED
    )
    resumable = models.BooleanField(default=False)
    status = models.CharField(max_length=7, choices=Status.choices, default=Status.ACTIVE)
    paused = models.BooleanField(default=False)
    operator_busy_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveSmallIntegerField(default=0, editable=False)  # in a row
    disabled_reason = models.CharField(max_length=300, blank=True, editable=False)
    beat_at = models.DateTimeField(default=clock.now, editable=False)
    # Of a session that is pushed to: since when it holds its stream open, and until when that is
    # believed unless the process that serves the stream says so again.
    connected_at = models.DateTimeField(null=True, editable=False)
    connected_until = models.DateTimeField(null=True, editable=False)
    connected_by = models.CharField(max_length=40, blank=True, default="", editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.RuntimeQuerySet.as_manager()

    class Meta:
        ordering = ["-beat_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "agent", "session_id"], name="runtime_session_once"
            ),
            models.CheckConstraint(condition=~Q(session_id=""), name="runtime_session_named"),
            models.CheckConstraint(condition=~Q(runtime=""), name="runtime_named"),
            models.CheckConstraint(
                condition=Q(adapter__in=["pull", "command", "mcp", "sse"]) | ~Q(target=""),
                name="runtime_has_target",
            ),
            models.CheckConstraint(
                condition=Q(connected_at=None, connected_until=None)
                | Q(connected_at__isnull=False, connected_until__isnull=False),
                name="runtime_connected_until",
            ),
        ]
        indexes = [models.Index(fields=["agent", "-beat_at"], name="runtime_of_agent")]

    def __str__(self) -> str:
        return f"{self.runtime} {self.session_id}"

    @property
    def is_pushed_to(self) -> bool:
        return self.adapter in PUSHED

    def is_connected(self, now: datetime) -> bool:
        return self.connected_until is not None and self.connected_until > now


# Adapters that reach a session over a stream that it holds open itself.
PUSHED = ("mcp", "sse")
