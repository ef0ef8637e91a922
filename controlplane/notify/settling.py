"""What came of a delivery: its tries are kept, its owner is told, its channel's health noted."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import Case, F, Value, When

from controlplane.lib import clock, defaults
from controlplane.lib.text import short
from controlplane.notify import (
    deliveries,
    undelivered,
)
from controlplane.notify.channels import Outcome
from controlplane.notify.deliveries import Event
from controlplane.notify.models import (
    Channel,
    ContactMethod,
    Delivery,
    DeliveryAttempt,
    Urgency,
)

PERSIST_S = defaults.define(
    "notify.critical_persist_s",
    3600.0,
    unit="seconds",
    why="A mail server that is away for a while must not cost a page: so long none is given up.",
)


AGAIN_S = defaults.define(
    "notify.critical_again_s",
    20.0,
    unit="seconds",
    why="Longest pause between two tries of a page: it leaves as soon as its way is open again.",
)


_EVENTS = {
    Delivery.State.SENT: Event.SENT,
    Delivery.State.REJECTED: Event.REJECTED,
    Delivery.State.UNDELIVERED: Event.UNDELIVERED,
    Delivery.State.SUPPRESSED: Event.SUPPRESSED,
}


@dataclass(frozen=True, slots=True)
class Try:
    outcome: Outcome
    duration_ms: int = 0
    gateway: Channel | None = None
    was_sent: bool = True  # False: decided here, nobody was called


@transaction.atomic
def settle(delivery: Delivery, tries: Sequence[Try]) -> Outcome:
    """Keep the tries and the result, and tell its owner, as one fact."""
    last = tries[-1]
    outcome = last.outcome
    if outcome.kind == "held":
        Delivery.objects.filter(pk=delivery.pk).update(why=short(outcome.detail, 200))
        return outcome
    for one in tries:
        _keep(delivery, one)
    if outcome.kind == "retry":
        return outcome
    arrived = outcome.kind == "accepted"
    settle_as(
        delivery,
        state={
            "accepted": Delivery.State.SENT,
            "suppressed": Delivery.State.SUPPRESSED,
        }.get(outcome.kind, Delivery.State.REJECTED),
        why="" if arrived else short(outcome.detail, 200),
        provider_id=outcome.provider_id[:200],
        gateway=last.gateway,
    )
    return outcome


def is_critical(delivery: Delivery) -> bool:
    return bool(delivery.notification.urgency == Urgency.CRITICAL)


def persistent(delivery: Delivery, outcome: Outcome) -> Outcome:
    """What the outbox is told. Critical news that may still arrive is tried again soon, and uses
    up none of its tries, until it is too old to be news."""
    critical = is_critical(delivery)
    age = (clock.now() - delivery.created_at).total_seconds()
    if outcome.kind == "retry" and outcome.untried and not critical:
        return replace(outcome, kind="held")
    if outcome.kind != "retry" or not critical or age > PERSIST_S.value:
        return outcome
    tries = DeliveryAttempt.objects.filter(delivery=delivery).count()
    pause = min(AGAIN_S.value, 2.0 ** min(tries, 10)) * random.uniform(0.7, 1.0)  # noqa: S311
    return replace(outcome, kind="held", retry_after=max(pause, outcome.retry_after or 0.0))


def _keep(delivery: Delivery, one: Try) -> None:
    outcome = one.outcome
    if outcome.kind == "suppressed" or (outcome.untried and not is_critical(delivery)):
        return
    # Of a page also that it was not tried is kept: its next way is taken at once then.
    DeliveryAttempt.objects.create(
        delivery=delivery,
        outcome=outcome.kind,
        status=outcome.status,
        detail=(f"{one.gateway.name}: " if one.gateway else "") + outcome.detail[:400],
        duration_ms=one.duration_ms,
    )
    if one.outcome.untried:
        return
    channel_id = one.gateway.pk if one.gateway is not None else delivery.channel_id
    if channel_id and not outcome.recipient:
        note_health(channel_id, outcome)
    # A gateway that is out of order says nothing about the number behind it.
    whose_own = one.gateway is None or outcome.recipient or outcome.kind == "accepted"
    if delivery.contact_method_id and whose_own:
        note_faring(ContactMethod, delivery.contact_method_id, outcome)


def settle_as(
    delivery: Delivery,
    *,
    state: str,
    why: str,
    provider_id: str = "",
    gateway: Channel | None = None,
    event: Event | None = None,
) -> None:
    """Settle it, unless somebody did: a receipt that came first says whether it arrived."""
    final: object = state
    if state == Delivery.State.SENT:
        missed = When(receipt__in=Delivery.MISSED, then=Value(Delivery.State.UNDELIVERED.value))
        final = Case(missed, default=Value(state))
    changed = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING).update(
        state=final, why=why, provider_id=provider_id, gateway=gateway, settled_at=clock.now()
    )
    if not changed:
        return
    delivery.refresh_from_db(
        fields=["state", "why", "provider_id", "gateway", "settled_at", "receipt"]
    )
    announce(delivery, event or _EVENTS[Delivery.State(delivery.state)])


def announce(delivery: Delivery, event: Event) -> None:
    """Tell its owner first, who may try another way; then see whether anything is left."""
    deliveries.tell(delivery, event)
    _look(delivery, event)


def announce_all(told: Sequence[tuple[Delivery, Event]]) -> None:
    """The same of several at once."""
    deliveries.tell_all(told)
    for delivery, event in told:
        _look(delivery, event)


def _look(delivery: Delivery, event: Event) -> None:
    if event.failed:
        undelivered.look(delivery.notification)
    elif event is not Event.SUPPRESSED:
        undelivered.forget(delivery.notification)


def note_health(channel_id: int, outcome: Outcome) -> None:
    """Keep how the channel fares; the watch reads it."""
    note_faring(Channel, channel_id, outcome)


def note_faring(model: type[Channel] | type[ContactMethod], key: int, outcome: Outcome) -> None:
    rows = model._default_manager.filter(pk=key)
    if outcome.kind == "accepted":
        rows.update(failures_in_a_row=0, last_ok_at=clock.now())
    else:
        rows.update(
            failures_in_a_row=F("failures_in_a_row") + 1,
            last_error=outcome.detail[:300],
            last_error_at=clock.now(),
        )
