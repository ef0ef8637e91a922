"""Wakes: why somebody is woken, every try, and the commands that were started for it."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from controlplane.access.models import Agent, Workspace
from controlplane.jobs import leases
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from missions.threads import querysets
from missions.threads.models.sessions import RuntimeSession
from missions.threads.models.threads import Participant, Thread


class WakeTrigger(leases.Leased):
    """One reason to wake one participant. While it is open, further messages widen it: there is
    at most one open for each participant. `state` says whose turn it is, `status` how far it is."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        TRIGGERING = "triggering", "Waking"
        DEFERRED = "deferred", "Held back"
        TIMEOUT = "timeout", "Not answered"
        FAILED = "failed", "Not delivered"
        RESUME = "fallback_resume", "Resuming"
        SPAWN = "fallback_spawn", "Spawning"
        DELIVERED = "delivered", "Awake"
        DEAD = "dead", "Given up"
        CANCELLED = "cancelled", "Taken back"

    class Reason(models.TextChoices):
        UNREAD = "unread", "Unread messages"
        ASKED = "asked", "Somebody asked"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="wakes")
    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(
        max_length=15, choices=Status.choices, default=Status.QUEUED, editable=False
    )
    reason = models.CharField(max_length=6, choices=Reason.choices, default=Reason.UNREAD)
    why = models.CharField(max_length=500, blank=True)  # in the words of whoever asked
    prompt = models.TextField(blank=True)
    from_seq = models.BigIntegerField(default=0)
    to_seq = models.BigIntegerField(default=0)
    forced = models.BooleanField(default=False)
    asked_by = models.CharField(max_length=80, blank=True)  # an opaque ref
    request_key = models.CharField(max_length=200, null=True, editable=False)
    # Of the request that began it: its delivery, and what comes of that, go on under it.
    correlation_id = models.CharField(max_length=128, blank=True, default="", editable=False)
    # How often it was tried anew after it was given up.
    requeues = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    live_tries = models.PositiveSmallIntegerField(default=0, editable=False)
    resume_tries = models.PositiveSmallIntegerField(default=0, editable=False)
    spawn_tries = models.PositiveSmallIntegerField(default=0, editable=False)
    deferrals = models.PositiveIntegerField(default=0, editable=False)
    deferred_since = models.DateTimeField(null=True, editable=False)
    sent_at = models.DateTimeField(null=True, editable=False)  # the adapter took it
    acked_at = models.DateTimeField(null=True, editable=False)
    acked_by = models.CharField(max_length=9, blank=True, editable=False)
    result = models.CharField(max_length=16, blank=True, editable=False)
    error_code = models.CharField(max_length=40, blank=True, editable=False)
    session = models.ForeignKey(
        RuntimeSession, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # The message that began it: what the time from message to wake is counted from.
    message_at = models.DateTimeField(null=True, editable=False)
    # When telemetry was told how it ended.
    told_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.WakeQuerySet.as_manager()

    class Meta:
        verbose_name = "wake"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["participant"],
                condition=Q(state__in=leases.OPEN),
                name="wake_one_open",
            ),
            models.UniqueConstraint(
                fields=["workspace", "request_key"],
                condition=Q(request_key__isnull=False),
                name="wake_request_once",
            ),
        ]
        indexes = [
            leases.ready_index("wake_ready"),
            leases.dead_index("wake_dead"),
            models.Index(
                fields=["id"],
                condition=~Q(state__in=leases.OPEN) & Q(told_at=None),
                name="wake_untold",
            ),
            models.Index(fields=["thread", "-id"], name="wake_of_thread"),
            models.Index(fields=["participant", "-id"], name="wake_of_participant"),
            models.Index(fields=["agent", "-created_at"], name="wake_of_agent"),
        ]

    def __str__(self) -> str:
        return f"wake of {self.agent} in {self.thread}"


class WakeAttempt(models.Model):
    """One try. Kept for good, so that whoever asks why nobody came finds out."""

    class Path(models.TextChoices):
        LIVE = "live", "Live session"
        RESUME = "resume", "Resumed"
        SPAWN = "spawn", "Spawned"

    trigger = models.ForeignKey(WakeTrigger, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveSmallIntegerField()
    path = models.CharField(max_length=6, choices=Path.choices)
    adapter = models.CharField(max_length=8)
    session = models.ForeignKey(
        RuntimeSession, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    result = models.CharField(max_length=16)
    error_code = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    duration_ms = models.PositiveIntegerField(default=0)
    supervisor = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    # When a stream took it, of a session that is pushed to: each try is told once.
    pushed_at = models.DateTimeField(null=True, editable=False)
    objects = querysets.WakeAttemptQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["trigger", "number"], name="wake_attempt_once")
        ]
        indexes = [
            models.Index(
                fields=["session"],
                condition=Q(result="sent", pushed_at=None, adapter__in=["mcp", "sse"]),
                name="wake_attempt_to_push",
            )
        ]

    def __str__(self) -> str:
        return f"{self.trigger}, try {self.number}"


class WakeRun(models.Model):
    """A command that was started to wake somebody: a resumed or a new session."""

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Failed"
        TIMED_OUT = "timed_out", "Took too long"
        KILLED = "killed", "Ended by somebody"
        ORPHANED = "orphaned", "Lost from sight"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    trigger = models.ForeignKey(WakeTrigger, on_delete=models.CASCADE, related_name="runs")
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="+")
    path = models.CharField(max_length=6, choices=WakeAttempt.Path.choices)
    argv = ArrayField(models.CharField(max_length=500), default=list)  # the prompt left out
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.RUNNING)
    host = models.CharField(max_length=120)
    pid = models.BigIntegerField(null=True)
    process_started = models.CharField(max_length=40, blank=True)  # tells a pid used again
    supervisor = models.CharField(max_length=120)
    deadline_at = models.DateTimeField()
    kill_asked_at = models.DateTimeField(null=True)
    kill_asked_by = models.CharField(max_length=80, blank=True)
    exit_code = models.IntegerField(null=True)
    output = models.TextField(blank=True)  # its end, redacted
    started_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.WakeRunQuerySet.as_manager()

    class Meta:
        verbose_name = "wake command"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="running", ended_at=None)
                | ~Q(status="running") & Q(ended_at__isnull=False),
                name="wake_run_ended",
            )
        ]
        indexes = [
            models.Index(fields=["agent"], condition=Q(status="running"), name="wake_run_running"),
        ]

    def __str__(self) -> str:
        return f"{self.get_path_display()} {self.agent}"
