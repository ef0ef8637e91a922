"""What must reach somebody: the outbox, notifications with one delivery per target, channels,
ways to reach people, what they answer, preferences, the inbox and the contact book."""

from controlplane.notify.models.answers import AnswerLink, Reply
from controlplane.notify.models.channels import GATEWAYS, SEALED_FOR, Channel
from controlplane.notify.models.contacts import Contact
from controlplane.notify.models.methods import SEALED_METHOD, ContactMethod
from controlplane.notify.models.news import (
    Delivery,
    DeliveryAttempt,
    InboxItem,
    Method,
    Notification,
    Step,
    Urgency,
)
from controlplane.notify.models.outbox import OutboxMessage
from controlplane.notify.models.people import MessageTemplate, Preference, QuietHours

__all__ = [
    "GATEWAYS",
    "SEALED_FOR",
    "SEALED_METHOD",
    "AnswerLink",
    "Channel",
    "Contact",
    "ContactMethod",
    "Delivery",
    "DeliveryAttempt",
    "InboxItem",
    "MessageTemplate",
    "Method",
    "Notification",
    "OutboxMessage",
    "Preference",
    "QuietHours",
    "Reply",
    "Step",
    "Urgency",
]
