"""Messages that were given up, and sending them again."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.jobs import leases, nudges
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.notify.models import Delivery, OutboxMessage


@transaction.atomic
def replay(message: OutboxMessage, *, actor: Actor, reason: str = "") -> OutboxMessage:
    """Put a dead letter back, under its old key: a receiver that saw it knows it for a repeat."""
    policy.require(actor, "notify.replay", message)
    if not leases.revive(message):
        raise Conflict("This message is not a dead letter any more.")
    if message.topic == "notify.deliver":
        Delivery.objects.filter(
            pk=message.payload["delivery"],
            state__in=[Delivery.State.DEAD, Delivery.State.REJECTED],
        ).update(state=Delivery.State.WAITING, why="", settled_at=None)
    record(
        actor,
        "notify.replay",
        message,
        before={"state": "dead", "attempts": message.attempts, "last_error": message.last_error},
        after={"state": "waiting"},
        reason=reason,
    )
    nudges.after_commit()
    message.refresh_from_db()
    return message
