"""Who is called, in which order, and every call that was made.

A run is the state of one escalation; the tick moves those that are due. It keeps the version of
the policy it began with, so that a change of the policy changes no call under way.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace, slug_form
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.notify.models import Channel, Contact, ContactMethod, Notification, Urgency
from incidents import querysets
from incidents.models.records import Incident


class EscalationPolicy(models.Model):
    """Whom to call for something, step by step. Without a workspace it is shipped."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    slug = models.CharField(max_length=50, validators=[slug_form])
    title = models.CharField(max_length=120)
    about = models.CharField(max_length=400, blank=True)
    is_active = models.BooleanField(default=True, editable=False)
    current = models.ForeignKey(
        "PolicyVersion", null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    shipped_mark = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ShippedQuerySet.as_manager()

    class Meta:
        verbose_name = "escalation policy"
        verbose_name_plural = "escalation policies"
        ordering = ["title", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "slug"], nulls_distinct=False, name="escalationpolicy_once"
            )
        ]

    def __str__(self) -> str:
        return self.title


class PolicyVersion(models.Model):
    """What a policy said from a time on. Never changed: another one takes its place.

    `steps`: [{"targets": [{"kind": "role", "ref": "primary_operator"}, …], "wait_s": 300}, …].
    After the last step `catch_all` is called, and it begins again, `repeats` times; then the
    incident stands as unanswered.
    """

    policy = models.ForeignKey(EscalationPolicy, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    steps = models.JSONField()
    repeats = models.PositiveSmallIntegerField(default=3)
    catch_all = models.JSONField(default=list)  # targets
    made_by_ref = models.CharField(max_length=80)
    made_at = models.DateTimeField(default=clock.now)
    reason = models.CharField(max_length=500, blank=True)
    objects = querysets.VersionQuerySet.as_manager()

    class Meta:
        verbose_name = "version of an escalation policy"
        verbose_name_plural = "versions of escalation policies"
        ordering = ["policy", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "number"], name="policyversion_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="policyversion_counts"),
        ]

    def __str__(self) -> str:
        return f"{self.policy} v{self.number}"


def _for_one() -> Q:
    """What people are called for is an incident or a ticket, and one of them."""
    return Q(incident__isnull=False, ticket=None) | Q(incident=None, ticket__isnull=False)


class EscalationRun(models.Model):
    """One escalation of one incident or ticket. `next_at` is when it goes on unless somebody
    answers."""

    class Status(models.TextChoices):
        RUNNING = "running", "Calling"
        ANSWERED = "answered", "Answered"
        UNANSWERED = "unanswered", "Nobody answered"
        ENDED = "ended", "Ended"

    class Why(models.TextChoices):
        OPENED = "opened", "It was opened"
        RAISED = "raised", "It became graver"
        MORE = "more", "More of it came"
        HAND = "hand", "Somebody asked for it"
        LATE = "late", "It was open for too long"
        SILENT = "silent", "Acknowledged, and nothing since"
        SPECIALIST = "specialist", "A specialist is needed"
        DRILL = "drill", "A drill"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    incident = models.ForeignKey(
        Incident, null=True, on_delete=models.PROTECT, related_name="escalations"
    )
    ticket = models.ForeignKey(
        "Ticket", null=True, on_delete=models.PROTECT, related_name="escalations", db_index=False
    )
    policy = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+")
    why = models.CharField(max_length=10, choices=Why.choices)
    reason = models.CharField(max_length=500, blank=True)
    # Roles and some of the contact book who are called with the first step, beside those it names.
    also = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    step = models.PositiveSmallIntegerField(default=0)  # the next one to take
    round = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=300, blank=True, default="")
    # Why its step could not be taken; it is tried again until it can.
    trouble = models.CharField(max_length=300, blank=True, default="")
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "escalation"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "policy"],
                condition=Q(status="running"),
                name="escalationrun_once",
            ),
            models.UniqueConstraint(
                fields=["ticket", "policy"],
                condition=Q(status="running"),
                name="escalationrun_once_of_ticket",
            ),
            models.CheckConstraint(condition=_for_one(), name="escalationrun_for_one"),
            models.CheckConstraint(
                condition=Q(status="running", next_at__isnull=False, ended_at=None)
                | ~Q(status="running") & Q(next_at=None, ended_at__isnull=False),
                name="escalationrun_goes_on_or_ended",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at", "id"], condition=Q(status="running"), name="escalationrun_due"
            ),
            models.Index(fields=["workspace", "-id"], name="escalationrun_workspace"),
            models.Index(
                fields=["ticket", "-id"],
                condition=Q(ticket__isnull=False),
                name="escalationrun_of_ticket",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy} for {self.incident_id or self.ticket_id}"

    @property
    def matter(self) -> Any:
        """What is called for."""
        return self.incident if self.incident_id is not None else self.ticket


class Page(models.Model):
    """One call for one target of one step. A row before anything is sent."""

    class Status(models.TextChoices):
        CALLING = "calling", "Being called"
        SENT = "sent", "Sent"
        DELIVERED = "delivered", "Arrived"
        ANSWERED = "answered", "Answered"
        SUPPRESSED = "suppressed", "Not needed any more"
        UNREACHED = "unreached", "Nobody could be reached"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    run = models.ForeignKey(
        EscalationRun, on_delete=models.PROTECT, related_name="pages", db_index=False
    )
    incident = models.ForeignKey(
        Incident, null=True, on_delete=models.PROTECT, related_name="pages", db_index=False
    )
    ticket = models.ForeignKey(
        "Ticket", null=True, on_delete=models.PROTECT, related_name="pages", db_index=False
    )
    step = models.PositiveSmallIntegerField()
    round = models.PositiveSmallIntegerField()
    target = models.CharField(max_length=80)  # user:5, channel:3, contact:9, nobody:role
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    channel = models.ForeignKey(Channel, null=True, on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey(Contact, null=True, on_delete=models.PROTECT, related_name="+")
    why = models.CharField(max_length=300)  # "on duty as Primary operator"
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.CALLING)
    # Where the person's own rules stand: the next way to call, and when.
    turn = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    # What was sent; it goes after its year, and the call stays.
    notification = models.ForeignKey(
        Notification, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True)
    arrived_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    answered_by_way = models.CharField(max_length=20, blank=True, default="")  # link, sms, console
    note = models.CharField(max_length=300, blank=True, default="")
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "round", "step", "target"], name="page_once"),
            models.CheckConstraint(
                condition=Q(user=None, channel=None)
                | Q(user=None, contact=None)
                | Q(channel=None, contact=None),
                name="page_has_one_target",
            ),
            models.CheckConstraint(condition=_for_one(), name="page_for_one"),
        ]
        indexes = [
            models.Index(
                fields=["next_at", "id"], condition=Q(next_at__isnull=False), name="page_due"
            ),
            models.Index(fields=["id"], condition=Q(status="calling"), name="page_calling"),
            models.Index(fields=["workspace", "-id"], name="page_workspace"),
            models.Index(fields=["incident", "-id"], name="page_of_incident"),
            models.Index(
                fields=["ticket", "-id"], condition=Q(ticket__isnull=False), name="page_of_ticket"
            ),
            models.Index(fields=["user", "-id"], name="page_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.target} at {self.created_at:%Y-%m-%d %H:%M:%S}"

    @property
    def matter(self) -> Any:
        """What was called for."""
        return self.incident if self.incident_id is not None else self.ticket

    @property
    def whom(self) -> str:
        """Who was called, by name; "" where nobody stood behind the target."""
        if self.user is not None:
            return str(self.user.name)
        if self.channel is not None:
            return str(self.channel.name)
        return str(self.contact.name) if self.contact is not None else ""


class PersonalRule(models.Model):
    """By which way somebody is called, and how long after a call began. Theirs, in whatever
    workspace they are called."""

    class Way(models.TextChoices):
        EMAIL = "email", "E-mail"
        METHOD = "method", "A way of one's own"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="paging_rules"
    )
    urgency = models.CharField(max_length=10, choices=Urgency.choices, default=Urgency.CRITICAL)
    position = models.PositiveSmallIntegerField()
    after_s = models.PositiveIntegerField(default=0)
    way = models.CharField(max_length=6, choices=Way.choices)
    contact_method = models.ForeignKey(
        ContactMethod, null=True, on_delete=models.CASCADE, related_name="+"
    )
    made_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "rule of how one is called"
        verbose_name_plural = "rules of how one is called"
        ordering = ["user", "urgency", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "urgency", "position"], name="personalrule_once"
            ),
            models.CheckConstraint(
                condition=Q(way="method", contact_method__isnull=False)
                | Q(contact_method=None) & ~Q(way="method"),
                name="personalrule_names_its_way",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_way_display()} after {self.after_s} s"
