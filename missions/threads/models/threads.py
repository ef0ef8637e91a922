"""The thread and those who take part in it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.access.models import Agent, User, Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item
from missions.threads import querysets


class Thread(models.Model):
    """One talk. Its row hands out the numbers of messages and keeps what the guards count, so that
    posting is one statement and one lock. The columns from `last_seq` to `findings` are written by
    that statement alone (`statements.post`)."""

    class Kind(models.TextChoices):
        CONVERSATION = "conversation", "Conversation"
        WORKFLOW = "workflow", "Workflow"
        INCIDENT = "incident", "Incident"

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        BLOCKED = "blocked", "Blocked"
        RESOLVED = "resolved", "Resolved"
        CLOSED = "closed", "Closed"

    class Guard(models.TextChoices):
        """What blocked it; nothing where somebody did."""

        NONE = "", "–"
        IDLE = "no_progress", "No progress"
        LOOP = "repeated_finding", "The same finding again and again"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(  # found by `thread_newest`
        Workspace, db_index=False, on_delete=models.PROTECT, related_name="+"
    )
    ref = models.CharField(max_length=16, editable=False)  # THR-7
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.CONVERSATION)
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.ACTIVE, editable=False
    )
    status_reason = models.CharField(max_length=500, blank=True, editable=False)
    status_at = models.DateTimeField(default=clock.now, editable=False)
    blocked_by = models.CharField(
        max_length=16, choices=Guard.choices, blank=True, default=Guard.NONE, editable=False
    )
    owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # Who is asked when it is stuck; the owner where nobody is named.
    escalation_owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # A mission or an incident owns the item, and through it the thread.
    item = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.SET_NULL, related_name="threads"
    )
    wakes_paused = models.BooleanField(default=False, editable=False)
    last_seq = models.BigIntegerField(default=0, editable=False)
    last_message_at = models.DateTimeField(null=True, editable=False)
    # Until when the pace of posts is used up (a leaky bucket in one column).
    paced_until = models.DateTimeField(null=True, editable=False)
    idle_turns = models.PositiveIntegerField(default=0, editable=False)
    # Open findings and how often each was reported: {name: times}.
    findings = models.JSONField(default=dict, editable=False)
    # The message a guard closed the mouth of the thread with.
    guarded_seq = models.BigIntegerField(default=0, editable=False)
    created_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    # What was said went by its time (`services.clearing`); the row says that there was something.
    cleared_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ThreadQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "ref"], name="thread_ref_once"),
            models.CheckConstraint(condition=~Q(title__regex=r"^\s*$"), name="thread_has_title"),
            models.CheckConstraint(
                condition=Q(kind__in=["conversation", "workflow", "incident"]),
                name="thread_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["active", "blocked", "resolved", "closed"]),
                name="thread_status_known",
            ),
            models.CheckConstraint(
                condition=Q(blocked_by="") | Q(status="blocked"), name="thread_guard_blocks"
            ),
            models.CheckConstraint(
                condition=~Q(status="blocked") | ~Q(status_reason=""),
                name="thread_blocked_says_why",
            ),
            models.CheckConstraint(
                condition=Q(archived_at=None) | Q(status="closed"),
                name="thread_archived_is_closed",
            ),
            models.CheckConstraint(
                condition=Q(cleared_at=None) | Q(archived_at__isnull=False),
                name="thread_cleared_was_archived",
            ),
            models.CheckConstraint(condition=Q(last_seq__gte=0), name="thread_counts_up"),
        ]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="thread_newest"),
            # Nothing that a message changes stands in an index: the row is written in place.
            models.Index(fields=["workspace", "status", "-id"], name="thread_of_status"),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def is_open(self) -> bool:
        return self.status != Thread.Status.CLOSED


class Participant(models.Model):
    """Who takes part, as what, and how far they have read: the cursor of an agent in a thread."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="participants")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    # What messages may be addressed to: reviewer, executioner, … or the workspace's own words.
    role = models.SlugField(max_length=40)
    wakes = models.BooleanField(default=True)
    last_read_seq = models.BigIntegerField(default=0, editable=False)
    last_acked = models.UUIDField(null=True, editable=False)  # the message read last
    read_at = models.DateTimeField(null=True, editable=False)  # when the cursor moved
    joined_at = models.DateTimeField(default=clock.now, editable=False)
    left_at = models.DateTimeField(null=True, blank=True, editable=False)
    added_by = models.CharField(max_length=80, editable=False)
    objects = querysets.ThreadPartQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            # Whoever comes back goes on where they stopped.
            models.UniqueConstraint(fields=["thread", "agent"], name="participant_once"),
            models.CheckConstraint(condition=~Q(role=""), name="participant_has_role"),
            models.CheckConstraint(condition=Q(last_read_seq__gte=0), name="participant_cursor"),
        ]
        indexes = [models.Index(fields=["agent", "thread"], name="participant_of_agent")]

    def __str__(self) -> str:
        return f"{self.agent} in {self.thread}"


class AgentPulse(models.Model):
    """The last sign of life of an agent, and the pace of its posts over all threads. Written by the
    statements that post, read and acknowledge; nothing else depends on it."""

    agent = models.OneToOneField(
        Agent, primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    seen_at = models.DateTimeField()
    paced_until = models.DateTimeField()
    wakes_paused = models.BooleanField(default=False)
    objects = querysets.PulseQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.agent_id)
