"""How often one number is written to or called, and how long a message therefore waits.

A throttle never loses a page: what is critical waits a minute at most, then it goes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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


def lately_sent(methods: Collection[int]) -> dict[int, list[datetime]]:
    """When these ways were used within the longest window, the last time first."""
    found: dict[int, list[datetime]] = {key: [] for key in methods}
    rows = (
        Delivery.objects.filter(
            contact_method_id__in=methods,
            settled_at__gt=clock.now() - QUARTER,
            state__in=[Delivery.State.SENT, Delivery.State.UNDELIVERED],
        )
        .order_by("-settled_at")
        .values_list("contact_method_id", "settled_at")
    )
    for key, at in rows[: 100 * max(len(methods), 1)]:
        found[key].append(at)
    return found


def opens_at(
    delivery: Delivery, used: Mapping[int, Sequence[datetime]] | None = None
) -> datetime | None:
    """When this may go, or None for now. `used`: what was read for several at once."""
    method, now = delivery.contact_method, clock.now()
    if method is None or not rules(method.kind):
        return None
    sent = (used if used is not None else lately_sent([method.pk])).get(method.pk, ())
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
