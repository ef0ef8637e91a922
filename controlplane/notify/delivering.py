"""The outbox topic that sends deliveries, and what is remembered of each try."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Value, When
from django.urls import reverse

from controlplane.lib import clock, defaults
from controlplane.lib.text import short
from controlplane.notify import (
    addresses,
    answers,
    carriers,
    channels,
    deliveries,
    outbox,
    throttles,
    undelivered,
)
from controlplane.notify.channels import Gateway, Message, Outcome
from controlplane.notify.deliveries import Event
from controlplane.notify.models import (
    GATEWAYS,
    AnswerLink,
    Channel,
    ContactMethod,
    Delivery,
    DeliveryAttempt,
    OutboxMessage,
    Urgency,
)

MOST_GATEWAYS = 2  # their time-outs together stay within the lease
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
RELATED = ("notification__workspace", "channel", "user", "contact_method__user", "contact")
_EVENTS = {
    Delivery.State.SENT: Event.SENT,
    Delivery.State.REJECTED: Event.REJECTED,
    Delivery.State.UNDELIVERED: Event.UNDELIVERED,
    Delivery.State.SUPPRESSED: Event.SUPPRESSED,
}


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


@dataclass(frozen=True, slots=True)
class Try:
    outcome: Outcome
    duration_ms: int = 0
    gateway: Channel | None = None
    was_sent: bool = True  # False: decided here, nobody was called


def _give_up(message: OutboxMessage) -> None:
    delivery = _waiting(message)
    if delivery is not None:
        why = short(message.last_error, 200)
        _change(delivery, state=Delivery.State.DEAD, why=why, event=Event.DEAD)


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
    return Message(
        # A gateway carries to many people: what it must not repeat is one delivery.
        key=str(delivery.uid if delivery.way is not None else notification.uid),
        subject=notification.subject,
        body=notification.body,
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


# --- What came of it ----------------------------------------------------------------------------


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
    _change(
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


def _change(
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
