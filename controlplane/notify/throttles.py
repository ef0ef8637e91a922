"""How often one number is written to or called, and how long a message therefore waits.

A throttle never loses a page: what is critical waits a minute at most, then it goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from controlplane.lib import clock, defaults
from controlplane.notify.models import ContactMethod, Delivery, Urgency

SMS_MINUTE = defaults.define(
    "notify.sms_per_minute",
    1,
    unit="messages",
    why="One number gets one text message a minute; more are not read sooner.",
)
SMS_QUARTER = defaults.define(
    "notify.sms_per_quarter", 5, unit="messages", why="And five in a quarter of an hour."
)
VOICE_QUARTER = defaults.define(
    "notify.calls_per_quarter", 3, unit="calls", why="Three calls in a quarter of an hour."
)
CRITICAL_WAIT = defaults.define(
    "notify.throttle_critical_s",
    60.0,
    unit="seconds",
    why="Longest that a throttle delays a critical message.",
)
QUARTER = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)


def rules(kind: str) -> Sequence[tuple[int, timedelta]]:
    if kind == ContactMethod.Kind.SMS:
        return [(SMS_MINUTE.value, MINUTE), (SMS_QUARTER.value, QUARTER)]
    if kind == ContactMethod.Kind.VOICE:
        return [(VOICE_QUARTER.value, QUARTER)]
    return []


def opens_at(delivery: Delivery) -> datetime | None:
    """When this may go, or None for now."""
    method, now = delivery.contact_method, clock.now()
    if method is None or not rules(method.kind):
        return None
    sent = list(
        Delivery.objects.filter(contact_method=method, settled_at__gt=now - QUARTER)
        .filter(state__in=[Delivery.State.SENT, Delivery.State.UNDELIVERED])
        .order_by("-settled_at")
        .values_list("settled_at", flat=True)[:100]
    )
    waits = []
    for most, window in rules(method.kind):
        lately = [at for at in sent if at > now - window]
        if len(lately) >= most:
            waits.append(lately[most - 1] + window)
    if not waits:
        return None
    opens = max(waits)
    if delivery.notification.urgency == Urgency.CRITICAL:
        opens = min(opens, delivery.created_at + timedelta(seconds=CRITICAL_WAIT.value))
    return opens if opens > now else None
