"""Rules of escalation: what in which threads calls whom, after how long."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.notify.models import Channel
from missions.threads import querysets
from missions.threads.models.threads import Thread


class ThreadEscalationPolicy(models.Model):
    """One rule. Of a workspace that keeps none for something, the shipped ones hold
    (`services.escalating`)."""

    class What(models.TextChoices):
        NO_PROGRESS = "no_progress", "A guard: no progress"
        LOOP = "repeated_finding", "A guard: the same finding again"
        BLOCKED = "blocked", "Blocked by somebody"
        DEAD_WAKE = "dead_wake", "A wake was given up"
        HELD_WAKE = "held_wake", "A limit holds a wake back"
        UNREAD = "unread", "Unread for too long"

    class Whom(models.TextChoices):
        OWNER = "owner", "Who is asked in the thread, or its owner"
        ON_DUTY = "on_duty", "Whoever is on duty for a role"
        ROLE = "role", "Everybody with a role"
        CHANNEL = "channel", "A channel"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12, choices=Thread.Kind.choices, blank=True, default="")
    what = models.CharField(max_length=16, choices=What.choices)
    after_minutes = models.PositiveIntegerField(default=0)
    whom = models.CharField(max_length=8, choices=Whom.choices, default=Whom.OWNER)
    role = models.CharField(max_length=40, blank=True, default="")
    channel = models.ForeignKey(
        Channel, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    pages = models.BooleanField(default=False)  # told as urgent
    opens_item = models.BooleanField(default=False)  # a work item stands for it
    # Whose item it is; nobody named: of whoever takes it.
    item_owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_by = models.CharField(max_length=80, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    removed_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.EscalationQuerySet.as_manager()

    class Meta:
        verbose_name = "escalation rule"
        verbose_name_plural = "escalation rules"
        ordering = ["what", "kind", "after_minutes", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "kind", "what", "after_minutes", "whom", "role", "channel"],
                condition=Q(removed_at=None),
                name="thread_escalation_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(whom="owner", role="", channel=None)
                | Q(whom__in=["on_duty", "role"], channel=None) & ~Q(role="")
                | Q(whom="channel", role="", channel__isnull=False),
                name="thread_escalation_names_one",
            ),
            models.CheckConstraint(
                condition=Q(after_minutes__lte=10_080), name="thread_escalation_within_a_week"
            ),
            models.CheckConstraint(
                condition=~Q(what="unread") | Q(after_minutes__gte=1),
                name="thread_escalation_unread_waits",
            ),
            models.CheckConstraint(
                condition=Q(item_owner=None) | Q(opens_item=True),
                name="thread_escalation_owns_an_item",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_what_display()}: {self.get_whom_display()}"
