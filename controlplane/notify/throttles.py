"""How often one number is written to or called, and how long a message therefore waits.

A throttle never loses a page: what is critical waits a minute at most, then it goes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Q

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


Way = tuple[str, int, str]  # see `Delivery.way`
Used = Mapping[Way, Sequence[datetime]]


def lately_sent(ways: Collection[Way]) -> dict[Way, list[datetime]]:
    """When these ways were used within the longest window, the last time first."""
    found: dict[Way, list[datetime]] = {way: [] for way in ways}
    own = [key for whose, key, _ in ways if whose == "own"]
    book = [key for whose, key, _ in ways if whose == "book"]
    rows = (
        Delivery.objects.filter(
            Q(contact_method_id__in=own) | Q(contact_id__in=book) if book
            else Q(contact_method_id__in=own),
            settled_at__gt=clock.now() - QUARTER,
            state__in=[Delivery.State.SENT, Delivery.State.UNDELIVERED],
        )
        .order_by("-settled_at")
        .only("contact_method_id", "contact_id", "method", "settled_at")
    )  # fmt: skip
    for row in rows[: 100 * max(len(ways), 1)]:
        if row.way in found:  # of a contact only one of several may be asked for
            found[row.way].append(row.settled_at)
    return found


def opens_at(delivery: Delivery, used: Used | None = None) -> datetime | None:
    """When this may go, or None for now. `used`: what was read for several at once."""
    way, now = delivery.way, clock.now()
    if way is None or not rules(delivery.method):
        return None
    sent = (used if used is not None else lately_sent([way])).get(way, ())
    waits = []
    for most, window in rules(delivery.method):
        lately = [at for at in sent if at > now - window]
        if len(lately) >= most:
            waits.append(lately[most - 1] + window)
    if not waits:
        return None
    opens = max(waits)
    if delivery.notification.urgency == Urgency.CRITICAL:
        opens = min(opens, delivery.created_at + timedelta(seconds=CRITICAL_WAIT.value))
    return opens if opens > now else None
