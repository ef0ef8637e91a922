"""Who wants to hear what became of a delivery, and who may still stop it.

    deliveries.on_settled("page.", fall_over)      # in an app that calls people
    deliveries.before_send("page.", still_wanted)

A handler runs in the transaction that records the result, so that "it was refused" and "the next
way is tried" are one fact. One that fails is asked again by the outbox until it succeeds: it must
bear being told the same twice. A check answers why a message is not to be sent any more, or "".
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from django.db import connection, transaction

from controlplane.notify import outbox
from controlplane.notify.channels.base import Outcome
from controlplane.notify.models import Delivery, OutboxMessage

logger = logging.getLogger("controlplane.notify")


class Event(enum.StrEnum):
    """What happened to a delivery just now."""

    SENT = "sent"  # the receiver or the gateway took it
    DELIVERED = "delivered"  # a receipt: it arrived, or somebody picked up
    REJECTED = "rejected"  # refused for good
    DEAD = "dead"  # given up after its tries
    UNDELIVERED = "undelivered"  # a receipt: it did not arrive after all
    SUPPRESSED = "suppressed"  # a check stopped it

    @property
    def failed(self) -> bool:
        return self in (Event.REJECTED, Event.DEAD, Event.UNDELIVERED)


Handler = Callable[[Delivery, Event], None]
Check = Callable[[Delivery], str]
_HANDLERS: list[tuple[str, Handler]] = []
_CHECKS: list[tuple[str, Check]] = []


def on_settled(kind_prefix: str, handler: Handler) -> None:
    """Call `handler` with each result of deliveries of such kinds, in its transaction."""
    if (kind_prefix, handler) not in _HANDLERS:
        _HANDLERS.append((kind_prefix, handler))


def before_send(kind_prefix: str, check: Check) -> None:
    """Ask `check` right before each try of such kinds: a reason suppresses it, visibly."""
    if (kind_prefix, check) not in _CHECKS:
        _CHECKS.append((kind_prefix, check))


def has_handler(kind: str) -> bool:
    return any(kind.startswith(prefix) for prefix, _ in _HANDLERS)


def reason_against(delivery: Delivery) -> str:
    """Why this is not to be sent any more. A check that fails stops nothing: rather once too
    often than never."""
    for prefix, check in _CHECKS:
        if not delivery.notification.kind.startswith(prefix):
            continue
        try:
            # Outside of a transaction a failed question spoils nothing.
            with transaction.atomic() if connection.in_atomic_block else nullcontext():
                reason = check(delivery)
        except Exception:
            logger.exception("a check before sending failed")
            continue
        if reason:
            return reason
    return ""


def tell(delivery: Delivery, event: Event) -> None:
    """Tell the owners, in the caller's transaction."""
    if not has_handler(delivery.notification.kind):
        return
    try:
        with transaction.atomic():
            _call(delivery, event)
    except Exception:
        logger.exception("the owner of a delivery could not record its result; told again later")
        outbox.enqueue(
            "notify.settled",
            {"delivery": delivery.pk, "event": event.value},
            key=f"settled:{delivery.uid}:{event.value}:{delivery.attempts.count()}",
            workspace_id=delivery.notification.workspace_id,
            subject=f"notify.notification:{delivery.notification_id}",
        )


def tell_all(told: Sequence[tuple[Delivery, Event]]) -> None:
    """The owners of several, as one fact. Where one of them fails each is told alone: who was told
    already is told again, which every owner bears."""
    heard = [each for each in told if has_handler(each[0].notification.kind)]
    try:
        with transaction.atomic():
            for delivery, event in heard:
                _call(delivery, event)
    except Exception:
        logger.exception("owners could not be told together; each is told alone")
        for delivery, event in heard:
            tell(delivery, event)


def _call(delivery: Delivery, event: Event) -> None:
    for prefix, handler in _HANDLERS:
        if delivery.notification.kind.startswith(prefix):
            handler(delivery, event)


@outbox.topic("notify.settled")
def tell_again(message: OutboxMessage) -> Outcome:
    delivery = (
        Delivery.objects.select_related("notification", "user", "contact_method", "contact")
        .filter(pk=message.payload["delivery"])
        .first()
    )
    if delivery is None:
        return Outcome("accepted", "the delivery is gone")
    with transaction.atomic():
        _call(delivery, Event(message.payload["event"]))
    return Outcome("accepted")
