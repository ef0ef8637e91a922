"""The outbox topic that sends deliveries, and what is remembered of each try."""

from __future__ import annotations

import time

from django.db import transaction
from django.db.models import F

from controlplane.lib import clock
from controlplane.lib.text import short
from controlplane.notify import channels, outbox
from controlplane.notify.channels import Message, Outcome
from controlplane.notify.models import (
    Channel,
    Delivery,
    DeliveryAttempt,
    Notification,
    OutboxMessage,
)

_FINAL = {Delivery.State.SENT, Delivery.State.REJECTED, Delivery.State.SUPPRESSED}


def _give_up(message: OutboxMessage) -> None:
    Delivery.objects.filter(pk=message.payload["delivery"], state=Delivery.State.WAITING).update(
        state=Delivery.State.DEAD, why=short(message.last_error, 200), settled_at=clock.now()
    )


@outbox.topic("notify.deliver", given_up=_give_up)
def deliver(message: OutboxMessage) -> Outcome:
    """Send one delivery, keep the try, settle the row. The network call stands between two short
    transactions: none is open while a receiver thinks."""
    delivery = (
        Delivery.objects.select_related("notification__workspace", "channel", "user")
        .filter(pk=message.payload["delivery"])
        .first()
    )
    if delivery is None or delivery.state in _FINAL:
        return Outcome("accepted", "nothing left to send")
    refusal = _no_longer(delivery)
    if refusal:
        return _settle(delivery, Outcome("rejected", refusal), 0)
    began = time.monotonic()
    outcome = _send(delivery)
    return _settle(delivery, outcome, int((time.monotonic() - began) * 1000))


def _no_longer(delivery: Delivery) -> str:
    """A delivery waits; meanwhile its target may be gone."""
    if delivery.channel is not None and not delivery.channel.is_active:
        return "the channel was switched off"
    if delivery.user is not None and not delivery.user.is_active:
        return "the account was deactivated"
    return ""


def _send(delivery: Delivery) -> Outcome:
    notification = delivery.notification
    if delivery.channel is not None:
        channel = delivery.channel
        return channels.send(channel.kind, channel.target, channel.secret, compose(notification))
    if delivery.user is None:  # the database refuses such a row
        return Outcome("rejected", "no target")
    return channels.send("email", delivery.user.email, "", compose(notification))


def compose(notification: Notification) -> Message:
    return Message(
        key=str(notification.uid),
        subject=notification.subject,
        body=notification.body,
        urgency=notification.urgency,
        kind=notification.kind,
        link=notification.link,
        workspace=notification.workspace.slug,
        about=notification.about,
        sent_at=notification.created_at.isoformat(),
    )


def _settle(delivery: Delivery, outcome: Outcome, duration_ms: int) -> Outcome:
    with transaction.atomic():
        DeliveryAttempt.objects.create(
            delivery=delivery,
            outcome=outcome.kind,
            status=outcome.status,
            detail=outcome.detail[:500],
            duration_ms=duration_ms,
        )
        if outcome.kind != "retry":
            sent = outcome.kind == "accepted"
            Delivery.objects.filter(pk=delivery.pk).update(
                state=Delivery.State.SENT if sent else Delivery.State.REJECTED,
                why="" if sent else short(outcome.detail, 200),
                provider_id=outcome.provider_id[:200],
                settled_at=clock.now(),
            )
        if delivery.channel_id:
            note_health(delivery.channel_id, outcome)
    return outcome


def note_health(channel_id: int, outcome: Outcome) -> None:
    """Keep how the channel fares; the watch reads it."""
    channel = Channel.objects.filter(pk=channel_id)
    if outcome.kind == "accepted":
        channel.update(failures_in_a_row=0, last_ok_at=clock.now())
    else:
        channel.update(
            failures_in_a_row=F("failures_in_a_row") + 1,
            last_error=outcome.detail[:300],
            last_error_at=clock.now(),
        )
