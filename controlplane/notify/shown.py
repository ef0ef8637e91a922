"""What the console's pages of this package show: words and plain data, drawn by its kit."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from django.db.models import Max

from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.notify.models import Channel, Contact, Delivery, DeliveryAttempt, OutboxMessage

DAYS = 14
ATTEMPT_COLUMNS = (
    ("detail", "What the receiver said"),
    ("outcome", "Outcome", "state"),
    ("status", "Status", "number"),
    ("took", "Took", "number", "ms"),
    ("at", "When", "when"),
)
DELIVERY_COLUMNS = (
    ("target", "To"),
    ("state", "State", "state"),
    ("method", "By"),
    ("why", "Why"),
    ("settled_at", "Settled", "when"),
)
SENT_COLUMNS = (
    ("subject", "News"),
    ("state", "State", "state"),
    ("why", "Why"),
    ("at", "When", "when"),
)


def delivery_of(message: OutboxMessage, actor: Actor) -> Delivery | None:
    """The delivery an outbox message sends, if it sends one."""
    key = message.payload.get("delivery") if isinstance(message.payload, dict) else None
    if message.topic != "notify.deliver" or not isinstance(key, int):
        return None
    rows = Delivery.objects.visible_to(actor).select_related(
        "notification", "user", "channel", "contact"
    )
    found: Delivery | None = rows.filter(pk=key).first()
    return found


def attempts_of(delivery: Delivery | None) -> list[dict[str, Any]]:
    """Every try of a delivery, newest first."""
    if delivery is None:
        return []
    rows = DeliveryAttempt.objects.filter(delivery=delivery).order_by("-id")[:50]
    return [
        {
            "detail": row.detail or row.outcome,
            "outcome": row.outcome,
            "status": row.status,
            "took": row.duration_ms,
            "at": row.at,
        }
        for row in rows
    ]


def delivery_row(row: Delivery, url: str) -> dict[str, Any]:
    return {
        "target": row.target,
        "state": row.get_state_display(),
        "method": row.get_method_display(),
        "why": row.why,
        "settled_at": row.settled_at,
        "_url": url,
    }


# --- Contacts -----------------------------------------------------------------------------------


def called_by(contact: Contact) -> list[str]:
    """By which ways an escalation calls them; with an account it is theirs to say."""
    if contact.user_id is not None:
        return ["account"]
    mail = ["e-mail"] if contact.email else []
    return [*mail, *(["telephone"] if contact.number else [])]


def calls_of(contact: Contact, count: int = 10) -> list[Delivery]:
    rows = Delivery.objects.filter(contact=contact).select_related("notification")
    return list(rows.annotate(tried_at=Max("attempts__at")).order_by("-id")[:count])


# --- Channels -----------------------------------------------------------------------------------


def channel_health(channel: Channel) -> str:
    if not channel.is_active:
        return "off"
    if channel.failures_in_a_row:
        return "failing"
    return "ok" if channel.last_ok_at is not None else "unused"


def presses_of(channel: Channel, actor: Actor, count: int = 5) -> list[AuditEvent]:
    """The last presses of the test button, each with what the receiver answered."""
    rows = AuditEvent.objects.visible_to(actor).about(channel).filter(reason="test")
    return list(rows.order_by("-id")[:count])


def newest_to(channel: Channel, count: int = 10) -> list[Delivery]:
    rows = Delivery.objects.filter(channel=channel).select_related("notification")
    return list(rows.annotate(tried_at=Max("attempts__at")).order_by("-id")[:count])


def sent_row(row: Any, url: str) -> dict[str, Any]:
    return {
        "subject": row.notification.subject,
        "state": row.get_state_display(),
        "why": row.why,
        "at": row.settled_at or row.tried_at or row.created_at,
        "_url": url,
    }


def deliveries_chart(channel: Channel) -> dict[str, Any]:
    """Deliveries of each of the last days, those that did not arrive apart."""
    today = clock.now().date()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    rows = Delivery.objects.filter(
        channel=channel, created_at__gte=clock.now() - timedelta(days=DAYS)
    ).order_by("-id")
    counted: Counter[tuple[Any, bool]] = Counter()
    for at, state in rows.values_list("created_at", "state")[:10_000]:
        counted[at.date(), state == Delivery.State.SENT] += 1
    others = "waiting, refused or given up"
    return {
        "kind": "bar",
        "title": "Deliveries",
        "period": f"last {DAYS} days",
        "unit": "count",
        "size": "small",
        "stacked": True,
        "horizontal": False,
        "empty": "Nothing was sent to it in these days.",
        "categories": [f"{day:%d %b}" for day in days],
        "series": [
            {"name": "sent", "values": [counted[day, True] for day in days]},
            {"name": others, "values": [counted[day, False] for day in days]},
        ],
    }
