"""Notifications, each with one delivery per target, and the inbox."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.notify import querysets
from controlplane.notify.models.channels import Channel
from controlplane.notify.models.contacts import Contact
from controlplane.notify.models.methods import ContactMethod


class Urgency(models.TextChoices):
    LOW = "low", "Low"
    NORMAL = "normal", "Normal"
    CRITICAL = "critical", "Critical"


class Step(models.TextChoices):
    """What a piece of news is within its thread."""

    NEWS = "news", "News"
    UPDATE = "update", "Update"
    ACKNOWLEDGE = "acknowledge", "Acknowledged"
    RESOLVE = "resolve", "Resolved"


class Notification(models.Model):
    """One piece of news. Who got it, how and when stands in its deliveries."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=60)
    urgency = models.CharField(max_length=10, choices=Urgency.choices, default=Urgency.NORMAL)
    subject = models.CharField(max_length=200)
    body = models.TextField(max_length=8000, blank=True)
    link = models.CharField(max_length=300, blank=True)
    about = models.CharField(max_length=120, blank=True)  # audit ref
    # What it belongs to and what it is within that: one conversation in mail and chat, one
    # incident of an outside pager.
    thread = models.CharField(max_length=120, blank=True)
    step = models.CharField(max_length=12, choices=Step.choices, default=Step.NEWS)
    note = models.CharField(max_length=300, blank=True)  # why it went to somebody else
    correlation_id = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    # Critical, and nothing that was tried has reached anybody.
    undelivered_at = models.DateTimeField(null=True, blank=True, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "key"], name="notification_key_unique")
        ]
        indexes = [
            models.Index(
                fields=["undelivered_at"],
                name="notification_undelivered",
                condition=Q(undelivered_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.subject


class Method(models.TextChoices):
    INBOX = "inbox", "Inbox"
    EMAIL = "email", "E-mail"
    CHANNEL = "channel", "Channel"
    SMS = "sms", "Text message"
    VOICE = "voice", "Phone call"
    WEBHOOK = "webhook", "Personal webhook"


class Delivery(models.Model):
    """One target of a notification, with its own result."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        REJECTED = "rejected", "Rejected"
        DEAD = "dead", "Given up"
        SUPPRESSED = "suppressed", "Suppressed"
        UNDELIVERED = "undelivered", "Not delivered"

    # Ways in which it did not arrive.
    FAILED = (State.REJECTED, State.DEAD, State.UNDELIVERED)

    class Receipt(models.TextChoices):
        """What the gateway told afterwards."""

        NONE = "", "None"
        QUEUED = "queued", "Taken by the gateway"
        DELIVERED = "delivered", "Delivered"
        ANSWERED = "answered", "Picked up"
        FAILED = "failed", "Failed"
        BUSY = "busy", "Busy"
        NO_ANSWER = "no_answer", "No answer"

    MISSED = (Receipt.FAILED, Receipt.BUSY, Receipt.NO_ANSWER)

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="deliveries"
    )
    method = models.CharField(max_length=10, choices=Method.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    # Somebody of the contact book: their address is read there when it is sent.
    contact = models.ForeignKey(
        Contact, null=True, on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    # Most have none of these three: their indexes are of those that do.
    channel = models.ForeignKey(
        Channel, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    contact_method = models.ForeignKey(
        ContactMethod, null=True, on_delete=models.RESTRICT, related_name="+", db_index=False
    )
    # The gateway that carried it to the person's telephone.
    gateway = models.ForeignKey(
        Channel, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    why = models.CharField(max_length=200, blank=True)  # of a suppression, delay or refusal
    provider_id = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    settled_at = models.DateTimeField(null=True)
    receipt = models.CharField(max_length=12, blank=True, choices=Receipt.choices)
    receipt_at = models.DateTimeField(null=True)
    receipt_detail = models.CharField(max_length=200, blank=True)
    objects = querysets.DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["notification", "method", "user"],
                condition=Q(user__isnull=False, contact_method=None),
                name="delivery_once_a_person",
            ),
            models.UniqueConstraint(
                fields=["notification", "contact_method"],
                condition=Q(contact_method__isnull=False),
                name="delivery_once_a_way",
            ),
            models.UniqueConstraint(
                fields=["notification", "channel"],
                condition=Q(channel__isnull=False),
                name="delivery_once_a_channel",
            ),
            models.UniqueConstraint(
                fields=["notification", "contact", "method"],
                condition=Q(contact__isnull=False),
                name="delivery_once_a_contact",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, channel=None, contact=None)
                | Q(user=None, channel__isnull=False, contact=None)
                | Q(user=None, channel=None, contact__isnull=False),
                name="delivery_one_target",
            ),
        ]
        indexes = [
            # Throttles count what went to one number lately.
            models.Index(
                fields=["contact_method", "-settled_at"],
                name="delivery_by_way",
                condition=Q(contact_method__isnull=False),
            ),
            models.Index(
                fields=["contact", "-settled_at"],
                name="delivery_by_contact",
                condition=Q(contact__isnull=False),
            ),
            models.Index(
                fields=["channel"], name="delivery_by_channel", condition=Q(channel__isnull=False)
            ),
            models.Index(
                fields=["gateway"], name="delivery_by_gateway", condition=Q(gateway__isnull=False)
            ),
            # The watch looks for what waits too long every few seconds.
            models.Index(
                fields=["created_at"], name="delivery_waiting", condition=Q(state="waiting")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_method_display()} to {self.target}"

    @property
    def target(self) -> str:
        """Whom or what it goes to, in words."""
        return self.contact.name if self.contact is not None else str(self.user or self.channel)

    @property
    def telephone(self) -> str:
        """The number it goes to; "" where it goes no such way."""
        if self.method not in (Method.SMS, Method.VOICE):
            return ""
        own = self.contact_method
        return own.address if own is not None else self.contact.number if self.contact else ""

    @property
    def way(self) -> tuple[str, int, str] | None:
        """What tells one telephone or address of one's own from another: whose, and which."""
        if self.contact_method_id is not None:
            return ("own", self.contact_method_id, self.method)
        return ("book", self.contact_id, self.method) if self.contact_id is not None else None

    @property
    def failed(self) -> bool:
        return self.state in self.FAILED

    @property
    def workspace_id(self) -> int:
        return self.notification.workspace_id


class DeliveryAttempt(models.Model):
    """One try, kept: the proof that a message left, or why it did not."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField(default=clock.now)
    outcome = models.CharField(max_length=10)  # accepted | retry | rejected
    status = models.PositiveIntegerField(null=True)  # the receiver's HTTP status, if any
    detail = models.CharField(max_length=500, blank=True)
    duration_ms = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.at:%Y-%m-%d %H:%M:%S}"


class InboxItem(models.Model):
    """A notification in a person's inbox."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="inbox", db_index=False
    )
    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    read_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    objects = querysets.InboxQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["user", "notification"], name="inbox_once")]
        indexes = [
            models.Index(fields=["user", "-id"], name="inbox_open", condition=Q(archived_at=None)),
        ]

    def __str__(self) -> str:
        return str(self.notification)

    @property
    def workspace_id(self) -> int:
        return self.notification.workspace_id
