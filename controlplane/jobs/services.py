"""What people do to timers by hand. Jobs have theirs in `runs`, obligations in `obligations`."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from controlplane.access import policy
from controlplane.audit import services as audit
from controlplane.jobs import leases, nudges, timers
from controlplane.jobs.models import Timer
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid


def cancel_timer(timer: Timer, *, actor: Actor, reason: str) -> Timer:
    """Take a promise back by hand: whoever waits for it will wait in vain, so say why."""
    if not reason.strip():
        raise Invalid("Give a reason.", details={"reason": "Required."})
    with transaction.atomic():
        row = Timer.objects.select_for_update().get(pk=timer.pk)
        policy.require(actor, "job.manage", row)
        before = row.state
        if not timers.cancel_timer(row.key):
            raise Conflict(f"{row.key} is {row.get_state_display().lower()} already.")
        _recorded(actor, "timer.cancel", row, before, reason)
    return row


def run_timer_now(timer: Timer, *, actor: Actor, reason: str = "") -> Timer:
    """Make a waiting promise due at once, or give a dead one all its attempts anew."""
    with transaction.atomic():
        row = Timer.objects.select_for_update().get(pk=timer.pk)
        policy.require(actor, "job.manage", row)
        before = row.state
        if row.state == leases.WAITING:
            Timer.objects.filter(pk=row.pk).update(ready_at=Now())
        elif row.state != leases.DEAD or not leases.revive(row):
            raise Conflict(f"{row.key} is {row.get_state_display().lower()}.")
        _recorded(actor, "timer.run_now", row, before, reason)
        nudges.after_commit()
    return row


def _recorded(actor: Actor, action: str, row: Timer, before: str, reason: str) -> None:
    row.refresh_from_db()
    audit.record(
        actor,
        action,
        row,
        before={"state": before},
        after={"state": row.state},
        reason=reason,
        details={"kind": row.kind, "key": row.key},
    )
