"""The outbox topic that sends deliveries, and what is remembered of each try."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from controlplane.lib import clock, moments
from controlplane.lib.text import short
from controlplane.notify import (
    addresses,
    answers,
    carriers,
    channels,
    deliveries,
    outbox,
    throttles,
)
from controlplane.notify.channels import Gateway, Message, Outcome
from controlplane.notify.deliveries import Event
from controlplane.notify.models import (
    GATEWAYS,
    AnswerLink,
    Channel,
    ContactMethod,
    Delivery,
    OutboxMessage,
)
from controlplane.notify.settling import Try, persistent, settle, settle_as

MOST_GATEWAYS = 2  # their time-outs together stay within the lease
RELATED = ("notification__workspace", "channel", "user", "contact_method__user", "contact")


@dataclass(frozen=True, slots=True)
class Call:
    """One way to send it, all read: carrying it out needs no database."""

    run: Callable[[], Outcome]
    gateway: Channel | None = None


class Known:
    """What a message is made of beside its own row: read once for several of a batch."""

    def __init__(self, rows: Sequence[Delivery] = ()) -> None:
        self._links: dict[tuple[int, int | None, int | None], AnswerLink] | None = None
        self.used: throttles.Used | None = None
        self._gateways: dict[tuple[int, str], list[Channel]] = {}
        if rows:
            found = AnswerLink.objects.in_force().filter(
                notification_id__in={row.notification_id for row in rows}
            )
            self._links = {
                (link.notification_id, link.person_id, link.contact_id): link for link in found
            }
            # Those of one batch are to different telephones, see `together`.
            ways = {row.way for row in rows if row.way is not None}
            self.used = throttles.lately_sent(ways) if ways else {}

    def link_of(self, delivery: Delivery) -> AnswerLink | None:
        """What its reader may answer. Only in messages to one person: a room has many."""
        if delivery.channel_id is not None:
            return None
        key = (delivery.notification_id, delivery.user_id, delivery.contact_id)
        if self._links is not None:
            return self._links.get(key)
        links = AnswerLink.objects.in_force()
        found: AnswerLink | None = links.filter(
            notification_id=key[0], person_id=key[1], contact_id=key[2]
        ).first()
        return found

    def gateways(self, workspace_id: int, kind: str) -> list[Channel]:
        key = (workspace_id, kind)
        if key not in self._gateways:
            self._gateways[key] = gateways_for(workspace_id, kind)
        return self._gateways[key]


def _give_up(message: OutboxMessage) -> None:
    delivery = _waiting(message)
    if delivery is not None:
        why = short(message.last_error, 200)
        settle_as(delivery, state=Delivery.State.DEAD, why=why, event=Event.DEAD)


@outbox.topic("notify.deliver", given_up=_give_up)
def deliver(message: OutboxMessage) -> Outcome:
    """Send one delivery, keep the try, settle the row. The network call stands between two short
    transactions: none is open while a receiver thinks."""
    delivery = _waiting(message)
    if delivery is None:
        return Outcome("accepted", "nothing left to send")
    return persistent(delivery, settle(delivery, carry_out(plan(delivery))))


def _waiting(message: OutboxMessage) -> Delivery | None:
    rows = Delivery.objects.select_related(*RELATED)
    found: Delivery | None = rows.filter(
        pk=message.payload["delivery"], state=Delivery.State.WAITING
    ).first()
    return found


def plan(delivery: Delivery, known: Known | None = None) -> list[Call]:
    """How to send it now, best way first. What is decided already is a call that only says so."""
    known = known or Known()
    decided = _decided(delivery, known)
    if decided is not None:
        return [_said(decided)]
    message = compose(delivery, known)
    if delivery.method in GATEWAYS:
        return _through_gateways(delivery, message, known)
    return [_straight(delivery, message)]


def _said(outcome: Outcome) -> Call:
    return Call(lambda: outcome)


def _decided(delivery: Delivery, known: Known) -> Outcome | None:
    refusal = addresses.no_longer(delivery)
    if refusal:
        return Outcome("rejected", refusal)
    reason = deliveries.reason_against(delivery)
    if reason:
        return Outcome("suppressed", reason)
    opens = throttles.opens_at(delivery, known.used)
    if opens is not None:
        wait = max(0.0, (opens - clock.now()).total_seconds())
        why = f"held until {opens:%Y-%m-%d %H:%M:%S} UTC: this number was reached often just now"
        return Outcome("held", why, retry_after=wait)
    return None


def _straight(delivery: Delivery, message: Message) -> Call:
    method, channel = delivery.contact_method, delivery.channel
    if method is not None and method.kind == ContactMethod.Kind.WEBHOOK:
        address = method.address
        own = f"own:{method.pk}"
        return _by(own, lambda: channels.send("personal", address, address, message))
    if channel is not None:
        kind, target, secret = channel.kind, channel.target, channel.secret
        return _by(_name(channel), lambda: channels.send(kind, target, secret, message))
    address = addresses.mail_address(delivery)
    return _by("mail", lambda: channels.send("email", address, "", message))


def _by(carrier: str, send: Callable[[], Outcome], gateway: Channel | None = None) -> Call:
    return Call(lambda: carriers.HERE.through(carrier, send), gateway=gateway)


def _name(channel: Channel) -> str:
    return "mail" if channel.kind == Channel.Kind.EMAIL else f"channel:{channel.pk}"


def gateways_for(workspace_id: int, kind: str) -> list[Channel]:
    """Those in use, one that works before one that fails."""
    rows = Channel.objects.filter(workspace_id=workspace_id, kind=kind, is_active=True)
    return list(rows.order_by("failures_in_a_row", "pk")[:MOST_GATEWAYS])


def _through_gateways(delivery: Delivery, message: Message, known: Known) -> list[Call]:
    found = known.gateways(delivery.notification.workspace_id, delivery.method)
    if not found:
        what = delivery.get_method_display().lower()
        return [_said(Outcome("rejected", f"this workspace has no gateway for a {what}"))]
    return [_carrying(gateway, delivery, delivery.telephone, message) for gateway in found]


def _carrying(channel: Channel, delivery: Delivery, to: str, message: Message) -> Call:
    kind, gateway = channel.kind, as_gateway(channel, delivery)
    return _by(_name(channel), lambda: channels.carry(kind, gateway, to, message), channel)


def as_gateway(channel: Channel, delivery: Delivery | None = None) -> Gateway:
    """With the addresses where it tells us what became of this delivery."""
    callback = keys = ""
    if delivery is not None:
        names = (channel.uid, delivery.uid)
        callback = settings.PUBLIC_URL + reverse("api-gateway-receipt", args=names)
        keys = settings.PUBLIC_URL + reverse("api-gateway-keys", args=names)
    return Gateway(channel.target, channel.secret, channel.options, callback, keys)


def carry_out(calls: Sequence[Call]) -> list[Try]:
    """The next gateway only where the fault is the one before's. Touches no database."""
    tries: list[Try] = []
    for call in calls:
        began = time.monotonic()
        outcome = call.run()
        took = int((time.monotonic() - began) * 1000)
        tries.append(Try(outcome, took, call.gateway))
        if outcome.kind not in {"retry", "rejected"} or outcome.recipient:
            break
    return tries


def compose(delivery: Delivery, known: Known) -> Message:
    notification = delivery.notification
    link = known.link_of(delivery)
    zone = _zone_of(delivery)
    return Message(
        # A gateway carries to many people: what it must not repeat is one delivery.
        key=str(delivery.uid if delivery.way is not None else notification.uid),
        subject=moments.by_clock(notification.subject, zone),
        body=moments.by_clock(notification.body, zone),
        urgency=notification.urgency,
        kind=notification.kind,
        link=notification.link,
        workspace=notification.workspace.slug,
        about=notification.about,
        sent_at=notification.created_at.isoformat(),
        thread=notification.thread,
        step=notification.step,
        earlier=_earlier(delivery),
        code=link.code if link is not None else "",
        buttons=answers.buttons(link) if link is not None else (),
        wishes=settings.PUBLIC_URL + reverse("notify:mine") if delivery.user_id else "",
    )


def _zone_of(delivery: Delivery) -> str:
    """Whose clock its times are told by: the reader's; in a room, the workspace's."""
    reader = delivery.user or delivery.contact or delivery.notification.workspace
    return str(reader.time_zone)


def _earlier(delivery: Delivery) -> str:
    """What the receiver called the first message of this thread."""
    notification = delivery.notification
    if delivery.channel_id is None or not notification.thread:
        return ""
    first = (
        Delivery.objects.filter(
            channel_id=delivery.channel_id,
            state=Delivery.State.SENT,
            notification__workspace_id=notification.workspace_id,
            notification__thread=notification.thread,
        )
        .exclude(provider_id="")
        .order_by("pk")
        .values_list("provider_id", flat=True)
        .first()
    )
    return str(first or "")
