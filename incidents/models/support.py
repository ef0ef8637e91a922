"""Tickets: what people ask of support, what was said of it, what was promised and did not come."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Case, Q, When
from django.db.models.functions import Least, Left

from controlplane.access.models import Workspace
from controlplane.catalog.models import Service
from controlplane.lib.clock import now
from controlplane.lib.ids import uuid7
from controlplane.notify.models import Contact
from controlplane.work.models import Item
from incidents import querysets
from incidents.models.records import Incident
from incidents.support.querysets import OPEN, TicketMessageQuerySet, TicketQuerySet
from telemetry.models import HealthSnapshot

_SEARCHED = 20_000  # characters; more would not fit into one word list


def _person() -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )


class Ticket(models.Model):
    class Status(models.TextChoices):
        NEW = "new", "New"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        TRIAGED = "triaged", "Triaged"
        WORKING = "working", "In progress"
        WAITING = "waiting", "Waiting for the requester"
        ESCALATED = "escalated", "Escalated"
        RESOLVED = "resolved", "Resolved"
        CLOSED = "closed", "Closed"
        REOPENED = "reopened", "Reopened"
        DUPLICATE = "duplicate", "Duplicate"
        SPAM = "spam", "Spam"

    class Priority(models.TextChoices):
        P0 = "p0", "P0"
        P1 = "p1", "P1"
        P2 = "p2", "P2"

    class Category(models.TextChoices):
        QUESTION = "question", "A question"
        INFRASTRUCTURE = "infrastructure", "Infrastructure"
        DATABASE = "database", "Database"
        SECURITY = "security", "Security"
        DEPLOYMENT = "deployment", "Deployment"
        MIGRATION = "migration", "Migration"
        INTEGRATION = "integration", "Integration"
        ACCESS = "access", "Accounts and access"
        OTHER = "other", "Something else"

    class Source(models.TextChoices):
        FORM = "form", "The form"
        EMAIL = "email", "A mail"
        API = "api", "The API"
        CONSOLE = "console", "The console"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    ref = models.CharField(max_length=16, editable=False)  # TKT-12
    subject = models.CharField(max_length=200)
    status = models.CharField(
        max_length=12, choices=Status.choices, default=Status.NEW, editable=False
    )
    priority = models.CharField(max_length=2, choices=Priority.choices, default=Priority.P2)
    category = models.CharField(max_length=14, choices=Category.choices, default=Category.OTHER)
    blocking = models.BooleanField(default=False)  # somebody can't go on without an answer
    source = models.CharField(max_length=7, choices=Source.choices, editable=False)
    channel = models.CharField(max_length=40, editable=False)  # whose hours its promises keep
    service = models.ForeignKey(
        Service, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    # Who asked: with an account, from the book of contacts, or by name and address alone.
    requester = _person()
    contact = models.ForeignKey(
        Contact, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    requester_name = models.CharField(max_length=120, blank=True)
    requester_email = models.EmailField(blank=True)
    assignee = _person()
    item = models.OneToOneField(
        Item, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    incident = models.ForeignKey(
        Incident, null=True, blank=True, on_delete=models.PROTECT, related_name="tickets"
    )
    duplicate_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="duplicates"
    )
    resolution = models.TextField(max_length=8_000, blank=True, editable=False)
    snapshot = models.ForeignKey(
        HealthSnapshot, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    # The clocks: what was promised until when, and when it came.
    opened_at = models.DateTimeField(default=now, editable=False)
    acknowledge_due_at = models.DateTimeField(null=True, editable=False)
    acknowledged_at = models.DateTimeField(null=True, editable=False)
    acknowledged_by = _person()
    triage_due_at = models.DateTimeField(null=True, editable=False)
    triaged_at = models.DateTimeField(null=True, editable=False)
    respond_due_at = models.DateTimeField(null=True, editable=False)
    responded_at = models.DateTimeField(null=True, editable=False)
    next_update_due_at = models.DateTimeField(null=True, editable=False)
    last_update_at = models.DateTimeField(null=True, editable=False)
    escalated_at = models.DateTimeField(null=True, editable=False)
    resolved_at = models.DateTimeField(null=True, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    reopened_at = models.DateTimeField(null=True, editable=False)
    reopened = models.PositiveSmallIntegerField(default=0, editable=False)  # times
    # Waited for, reminded as often as that is done, and nothing was said.
    silent_at = models.DateTimeField(null=True, editable=False)
    # Links made before it was raised lead nowhere any more.
    link_number = models.PositiveSmallIntegerField(default=1, editable=False)
    created_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    version = models.PositiveIntegerField(default=1, editable=False)
    # The promise that runs out first; those of an incident stand with the incident.
    due_at = models.GeneratedField(
        expression=Case(
            When(
                status__in=OPEN,
                then=Least(
                    Case(When(acknowledged_at=None, then="acknowledge_due_at")),
                    Case(When(triaged_at=None, then="triage_due_at")),
                    Case(When(responded_at=None, then="respond_due_at")),
                    "next_update_due_at",
                ),
            ),
        ),
        output_field=models.DateTimeField(null=True),
        db_persist=True,
    )
    search = models.GeneratedField(
        expression=SearchVector("subject", weight="A", config="english")
        + SearchVector(Left("resolution", _SEARCHED), weight="B", config="english"),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    objects = TicketQuerySet.as_manager()

    class Meta:
        verbose_name = "support ticket"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "ref"], name="ticket_ref_once"),
            models.CheckConstraint(
                condition=~Q(status__in=["resolved", "closed"])
                | ~Q(resolution="") & Q(resolved_at__isnull=False),
                name="ticket_ends_with_a_note",
            ),
            models.CheckConstraint(
                condition=Q(status="duplicate", duplicate_of__isnull=False)
                | ~Q(status="duplicate") & Q(duplicate_of=None),
                name="ticket_is_a_duplicate_of_one",
            ),
            models.CheckConstraint(
                condition=~Q(status="escalated") | Q(incident__isnull=False),
                name="ticket_escalated_to_an_incident",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["acknowledged", "triaged", "working", "waiting"])
                | Q(acknowledged_at__isnull=False),
                name="ticket_worked_on_is_acknowledged",
            ),
            models.CheckConstraint(
                condition=Q(requester__isnull=False)
                | Q(contact__isnull=False)
                | ~Q(requester_email="")
                | ~Q(requester_name=""),
                name="ticket_asked_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="ticket_workspace"),
            models.Index(
                fields=["workspace", "due_at"], condition=Q(status__in=OPEN), name="ticket_due"
            ),
            models.Index(
                fields=["workspace", "assignee"],
                condition=Q(status__in=OPEN),
                name="ticket_assigned",
            ),
            models.Index(fields=["workspace", "requester_email"], name="ticket_asked_by"),
            GinIndex(fields=["search"], name="ticket_search"),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.subject}"

    @property
    def title(self) -> str:
        """As an incident calls it: whoever is called reads of both."""
        return self.subject

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


class TicketMessage(models.Model):
    """Something that was said of a ticket. It stays as it was said; what is said better later
    stands beside it."""

    class Kind(models.TextChoices):
        REQUEST = "request", "The requester"
        ANSWER = "answer", "Answer"
        NOTE = "note", "Internal note"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="messages")
    kind = models.CharField(max_length=7, choices=Kind.choices)
    text = models.TextField(max_length=20_000)
    files = models.JSONField(default=list, editable=False)  # [{"uid": …, "title": …, "size": …}]
    refused = models.JSONField(default=list, editable=False)  # [{"title": …, "why": …}]
    author = models.CharField(max_length=80, editable=False)  # an opaque ref; "": by mail or form
    author_name = models.CharField(max_length=160, blank=True, editable=False)
    source = models.CharField(max_length=7, choices=Ticket.Source.choices, editable=False)
    message_id = models.CharField(max_length=300, blank=True, editable=False)  # of the mail
    at = models.DateTimeField(default=now, editable=False)
    search = models.GeneratedField(
        expression=SearchVector(Left("text", _SEARCHED), config="english"),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    objects = TicketMessageQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            # A mail that is delivered twice is one message.
            models.UniqueConstraint(
                fields=["workspace", "message_id"],
                condition=~Q(message_id=""),
                name="ticketmessage_mail_once",
            ),
            models.CheckConstraint(
                condition=~Q(text="") | ~Q(files=[]) | ~Q(refused=[]), name="ticketmessage_says"
            ),
        ]
        indexes = [
            models.Index(fields=["ticket", "id"], name="ticketmessage_in_order"),
            GinIndex(fields=["search"], name="ticketmessage_search"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.text[:60]}"


class TicketEdit(models.Model):
    """A message said better. What was said first stays where it was said."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    message = models.ForeignKey(TicketMessage, on_delete=models.PROTECT, related_name="edits")
    number = models.PositiveSmallIntegerField()
    text = models.TextField(max_length=20_000)
    by = models.CharField(max_length=80, editable=False)  # an opaque ref
    at = models.DateTimeField(default=now, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["message", "number"]
        constraints = [
            models.UniqueConstraint(fields=["message", "number"], name="ticketedit_once"),
            models.CheckConstraint(condition=~Q(text=""), name="ticketedit_says"),
        ]

    def __str__(self) -> str:
        return f"{self.number}. {self.text[:60]}"


class TicketMiss(models.Model):
    """A promise of a ticket that was not kept. `times`: so many updates in a row, where nobody
    looked for so long."""

    class Clock(models.TextChoices):
        ACKNOWLEDGE = "acknowledge", "Acknowledge"
        TRIAGE = "triage", "Triage"
        RESPOND = "respond", "Respond"
        UPDATE = "update", "Update"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="misses")
    clock = models.CharField(max_length=11, choices=Clock.choices)
    due_at = models.DateTimeField()
    priority = models.CharField(max_length=2, choices=Ticket.Priority.choices)
    times = models.PositiveIntegerField(default=1)
    noticed_at = models.DateTimeField(default=now)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "missed promise of a ticket"
        constraints = [
            models.UniqueConstraint(fields=["ticket", "clock", "due_at"], name="ticketmiss_once"),
            models.CheckConstraint(condition=Q(times__gte=1), name="ticketmiss_counts"),
        ]
        indexes = [models.Index(fields=["workspace", "due_at"], name="ticketmiss_due")]

    def __str__(self) -> str:
        return f"{self.get_clock_display()}, {self.due_at:%Y-%m-%d %H:%M}"


class TicketMail(models.Model):
    """A mail as it came, without secrets, and what was made of it."""

    class Outcome(models.TextChoices):
        OPENED = "opened", "Opened a ticket"
        JOINED = "joined", "Joined a ticket"
        AGAIN = "again", "Came before"
        OWN = "own", "One of ours that came back"
        BOUNCED = "bounced", "A mail of ours was not delivered"
        REFUSED = "refused", "Refused"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    ticket = models.ForeignKey(
        Ticket, null=True, on_delete=models.SET_NULL, related_name="mails"
    )  # fmt: skip
    outcome = models.CharField(max_length=7, choices=Outcome.choices)
    why = models.CharField(max_length=200, blank=True)
    automatic = models.BooleanField(default=False)  # nobody wrote it: nothing answers it
    message_id = models.CharField(max_length=300, blank=True)
    sender = models.CharField(max_length=254, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    size = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)  # of all its bytes
    headers = models.JSONField(default=dict)
    text = models.TextField(max_length=200_000, blank=True)
    at = models.DateTimeField(default=now)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "support mail"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="ticketmail_workspace"),
            models.Index(fields=["at"], name="ticketmail_at"),
            models.Index(fields=["workspace", "digest"], name="ticketmail_digest"),
        ]

    def __str__(self) -> str:
        return self.subject or "A mail without a subject"
