"""What people do with alerts and messages: say that one is over, read one again, look at one that
was given up."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.base import states
from controlplane.jobs import leases, nudges
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import line
from incidents.intake.receiving import hold_groups
from incidents.models import Alert, AlertEvent, InboundEvent, Incident
from incidents.records import joining
from incidents.routing import following

AT_ONCE = 200  # ended by one press: each leaves a row of its own, within one request


@transaction.atomic
def end_alert(alert: Alert, *, actor: Actor, reason: str) -> Alert:
    """It is over, though its sender has not said so. When the sender says that it fires, it fires
    anew."""
    policy.require(actor, "alert.resolve", alert)
    said = line("reason", reason, 300, required=True)
    hold_groups(alert.workspace_id, [alert.group_key])
    row: Alert = Alert.objects.select_for_update(of=("self",)).get(pk=alert.pk)
    if row.status != Alert.Status.FIRING:
        raise Conflict("It is over already.")
    now = clock.now()
    states.advance(
        row, Alert.Status.RESOLVED, actor=actor, reason=said,
        changes={"over_by": Alert.Over.HAND, "resolved_at": now, "resolve_due_at": None,
                 "look_at": None},
    )  # fmt: skip
    AlertEvent.objects.create(
        alert=row, at=now, kind=AlertEvent.Kind.RESOLVED, note=f"{actor.label}: {said}"[:300]
    )
    if row.incident_id is not None:
        joining.leave(row.incident_id, 1, now)
    following.over([row.pk])
    return row


@transaction.atomic
def end_alerts_of(incident: Incident, *, actor: Actor, reason: str) -> int:
    """Those of one incident that fire, the oldest first, a bounded number at once; how many."""
    policy.require(actor, "alert.resolve", incident)
    # In the order of their groups, as intake holds them.
    firing = incident.alerts.filter(status=Alert.Status.FIRING).order_by("group_key", "pk")
    found = list(firing[:AT_ONCE])
    hold_groups(incident.workspace_id, sorted({each.group_key for each in found}))
    if not found:
        raise Conflict("None of its alerts fires.")
    for alert in found:
        end_alert(alert, actor=actor, reason=reason)
    return len(found)


@transaction.atomic
def read_again(row: InboundEvent, *, actor: Actor, reason: str = "") -> InboundEvent:
    """A message that was given up is read anew by the next tick: what hindered it may be mended."""
    policy.require(actor, "alert.reread", row)
    if not leases.revive(row):
        raise Conflict("Only a message that was given up is read again.")
    record(actor, "alert.reread", row, reason=line("reason", reason, 500))
    nudges.after_commit()
    row.refresh_from_db()
    return row


@transaction.atomic
def mark_seen(row: InboundEvent, *, actor: Actor, reason: str = "") -> InboundEvent:
    """Somebody has looked at a message that was given up, and nothing is to be made of it."""
    policy.require(actor, "alert.reread", row)
    held: InboundEvent = InboundEvent.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if held.state != leases.DEAD:
        raise Conflict("It was not given up.")
    if held.seen_at is None:
        held.seen_at, held.seen_by = clock.now(), actor.ref[:80]
        held.save(update_fields=["seen_at", "seen_by"])
        record(actor, "alert.reread", held, reason=line("reason", reason, 500),
               after={"seen": True})  # fmt: skip
    return held
