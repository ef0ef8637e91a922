"""What is said. Rows are added and never changed; the database holds to it."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Q

from controlplane.access.models import Agent, User
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from missions.threads import querysets
from missions.threads.models.threads import Thread


class Message(models.Model):
    """Written by one statement (`statements.post`), which takes the number from the thread."""

    class Kind(models.TextChoices):
        CHAT = "chat", "Chat"
        EVENT = "event", "Event"
        SYSTEM = "system", "System"

    class To(models.TextChoices):
        ALL = "all", "Everybody"
        ROLE = "role", "A role"
        AGENTS = "agents", "Named agents"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    thread = models.ForeignKey(  # found by `message_seq_once`
        Thread, db_index=False, on_delete=models.CASCADE, related_name="messages"
    )
    seq = models.BigIntegerField(editable=False)
    schema_version = models.PositiveSmallIntegerField(default=1, editable=False)
    kind = models.CharField(max_length=6, choices=Kind.choices, editable=False)
    event = models.CharField(max_length=60, blank=True, default="", editable=False)
    body = models.TextField(editable=False)
    metadata = models.JSONField(default=dict, editable=False)
    in_reply_to = models.BigIntegerField(null=True, editable=False)  # a number of this thread
    to = models.CharField(max_length=6, choices=To.choices, default=To.ALL, editable=False)
    to_role = models.CharField(max_length=40, blank=True, default="", editable=False)
    to_agents = ArrayField(models.BigIntegerField(), default=list, editable=False)
    sender_ref = models.CharField(max_length=80, editable=False)
    sender_label = models.CharField(max_length=200, editable=False)
    agent = models.ForeignKey(  # found by `message_of_agent`
        Agent, null=True, editable=False, db_index=False, on_delete=models.PROTECT,
        related_name="+",
    )  # fmt: skip
    user = models.ForeignKey(
        User, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    session = models.CharField(max_length=128, blank=True, default="", editable=False)
    idempotency_key = models.CharField(max_length=200, null=True, editable=False)
    content_hash = models.BinaryField(max_length=32, editable=False)
    # Of the request that brought it; whoever is woken for it is woken under the same.
    correlation_id = models.CharField(max_length=128, blank=True, default="", editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.ThreadPartQuerySet.as_manager()

    class Meta:
        ordering = ["thread_id", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["thread", "seq"], name="message_seq_once"),
            models.UniqueConstraint(
                fields=["thread", "sender_ref", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="message_key_once",
            ),
            models.CheckConstraint(condition=Q(seq__gte=1), name="message_seq_counts"),
            models.CheckConstraint(
                condition=Q(kind__in=["chat", "event", "system"]), name="message_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(kind="event") & ~Q(event="") | ~Q(kind="event") & Q(event=""),
                name="message_event_is_named",
            ),
            models.CheckConstraint(
                condition=Q(to="all", to_role="", to_agents=[])
                | Q(to="role", to_agents=[]) & ~Q(to_role="")
                | Q(to="agents", to_role="") & ~Q(to_agents=[]),
                name="message_addressed",
            ),
            models.CheckConstraint(
                condition=Q(in_reply_to=None) | Q(in_reply_to__gte=1),
                name="message_replies_to_one",
            ),
        ]
        indexes = [
            GinIndex(SearchVector("body", config="simple"), name="message_words"),
            models.Index(
                fields=["created_at"],
                condition=Q(idempotency_key__isnull=False),
                name="message_keys_old",
            ),
            models.Index(fields=["agent", "-id"], name="message_of_agent"),
        ]

    def __str__(self) -> str:
        return f"{self.thread} #{self.seq}"
