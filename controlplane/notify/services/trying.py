"""Messages that go to one way and nowhere else: the code that proves it, and the test of it."""

from __future__ import annotations

import time

from django.db import transaction

from controlplane.access.models import Membership
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.notify import channels, delivering, outbox, settling
from controlplane.notify.channels import Message, Outcome
from controlplane.notify.models import GATEWAYS, Channel, ContactMethod, OutboxMessage, Urgency
from controlplane.notify.services import methods
from controlplane.notify.services.wishes import own


@outbox.topic("notify.code")
def send(message: OutboxMessage) -> Outcome:
    """Send the code of a way that is to be proven, if it is still the newest."""
    method = ContactMethod.objects.select_related("user").filter(pk=message.payload["method"])
    row: ContactMethod | None = method.first()
    if row is None or row.version != message.payload["version"] or not row.code_sealed:
        return Outcome("accepted", "another code took its place")
    if row.code_expires_at is None or row.code_expires_at <= clock.now():
        return Outcome("rejected", "the code ran out before it was sent")
    code = " ".join(methods.code_of(row)) if row.kind == "voice" else methods.code_of(row)
    note = Message(
        key=message.key,
        subject=f"Your code is {code}",
        body=f"Type it in on the page How I am reached within {methods.CODE_MINUTES.value} minutes."
        " If you did not ask for it, do nothing.",
        urgency=Urgency.NORMAL,
        kind="contact.code",
        link="",
        workspace="account",
        about="",
        sent_at=clock.now().isoformat(),
    )
    return send_to(row, note)[0]


def test_method(method: ContactMethod, *, actor: Actor) -> Outcome:
    """Send something there now and say what really came of it."""
    own(actor, method.user)
    if not method.is_active or not method.is_verified:
        raise Conflict("Prove this way first.")
    now = clock.now()
    note = Message(
        key=f"test:{method.uid}:{now.timestamp():.0f}",
        subject="Test from the portal",
        body=f"{actor.label} pressed the test button. Nothing is wrong.",
        urgency=Urgency.NORMAL,
        kind="contact.test",
        link="",
        workspace="account",
        about="",
        sent_at=now.isoformat(),
    )
    began = time.monotonic()
    outcome, gateway = send_to(method, note)
    took = int((time.monotonic() - began) * 1000)
    with transaction.atomic():
        settling.note_faring(ContactMethod, method.pk, outcome)
        if gateway is not None and not outcome.recipient:
            settling.note_health(gateway.pk, outcome)
        record(
            actor,
            methods.ACTION,
            method,
            reason="test",
            outcome="done" if outcome.kind == "accepted" else "failed",
            details={"result": outcome.kind, "detail": outcome.detail, "duration_ms": took},
        )
    return outcome


def send_to(method: ContactMethod, note: Message) -> tuple[Outcome, Channel | None]:
    if method.kind == ContactMethod.Kind.EMAIL:
        return channels.send("email", method.address, "", note), None
    if method.kind == ContactMethod.Kind.WEBHOOK:
        return channels.send("personal", method.address, method.address, note), None
    found = gateways_of(method)
    what = method.get_kind_display().lower()
    outcome = Outcome("rejected", f"no workspace of yours has a gateway for a {what}")
    for gateway in found:
        sent = channels.carry(gateway.kind, delivering.as_gateway(gateway), method.address, note)
        if sent.kind == "accepted" or sent.recipient:
            return sent, gateway
        outcome = sent
    return outcome, found[-1] if found else None


def gateways_of(method: ContactMethod) -> list[Channel]:
    """Gateways of the workspaces its owner works in."""
    if method.kind not in GATEWAYS:
        return []
    mine = Membership.objects.filter(user_id=method.user_id, left_at=None).values("workspace_id")
    rows = Channel.objects.filter(kind=method.kind, is_active=True, workspace_id__in=mine)
    return list(rows.order_by("failures_in_a_row", "pk")[: delivering.MOST_GATEWAYS])
