"""Sessions with the Tool Router, one row for each mission, agent and key."""

from __future__ import annotations

from django.contrib.postgres.functions import RandomUUID
from django.db import models

from controlplane.access.models import Workspace
from telemetry import querysets


class ToolSession(models.Model):
    """What events tell of one session. Computed anew when some of them come or go, never added
    to: a redelivered call costs no tokens twice."""

    uid = models.UUIDField(db_default=RandomUUID(), unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, null=True, db_constraint=False, on_delete=models.DO_NOTHING, related_name="+"
    )
    mission = models.CharField(max_length=64)
    agent = models.CharField(max_length=64)
    key = models.CharField(max_length=64)
    created_at = models.DateTimeField(null=True)  # as reported; None: only its use was
    creation_ms = models.FloatField(null=True)
    failed = models.BooleanField(default=False)  # it could not be created
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    calls = models.PositiveBigIntegerField()
    errors = models.PositiveBigIntegerField()  # each failed call once
    tokens = models.PositiveBigIntegerField()  # of calls and heartbeats together
    call_tokens = models.PositiveBigIntegerField()
    state_bytes = models.PositiveBigIntegerField(null=True)  # the largest a heartbeat told of
    computed_at = models.DateTimeField()
    objects = querysets.SessionQuerySet.as_manager()

    class Meta:
        ordering = ["-last_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "mission", "agent", "key"],
                nulls_distinct=False,
                name="tool_session_once",
            )
        ]
        indexes = [models.Index(fields=["workspace", "-last_at"], name="tool_session_newest")]

    def __str__(self) -> str:
        return f"{self.key} of {self.mission}"
