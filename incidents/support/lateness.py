"""A promise of a ticket: before it runs out somebody is reminded; where it was not kept the miss is
a row, said once, and the next ones along the matrix of escalation hear of it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from controlplane.base.states import plain
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from incidents.models import Ticket, TicketMiss
from incidents.support import clocks, telling
from incidents.support.clocks import Clock
from incidents.support.holding import hold, level_of
from incidents.support.matrix_steps import roles_for
from incidents.support.noting import PORTAL, note

_NEAR = {
    Clock.ACKNOWLEDGE: "to be acknowledged",
    Clock.TRIAGE: "to be triaged",
    Clock.RESPOND: "to be answered",
    Clock.UPDATE: "to hear how it stands",
}
_MISSED = {
    Clock.ACKNOWLEDGE: "nobody acknowledged it in time",
    Clock.TRIAGE: "nobody triaged it in time",
    Clock.RESPOND: "nobody answered it in time",
    Clock.UPDATE: "an update that was promised did not come",
}


@timers.on(clocks.NEAR)
@transaction.atomic
def near(timer: Timer) -> None:
    row, which, at = _waits(timer)
    if row is None or at is None:
        return
    clocks.await_(clocks.MISSED, row, which, at, when=at)
    if clock.now() < at:
        telling.told(
            row, "ticket.near", key=f"{which}:{plain(at)}", users=[row.assignee_id],
            urgent=row.priority != Ticket.Priority.P2, what=_NEAR[Clock(which)],
            at=f"{at:%Y-%m-%d %H:%M}",
        )  # fmt: skip


@timers.on(clocks.MISSED)
@transaction.atomic
def missed(timer: Timer) -> None:
    row, which, at = _waits(timer)
    if row is None or at is None:
        return
    note_miss(row, which, at)
    if which == Clock.UPDATE:
        # Counted from now: where nobody looked for a night nobody is told of each hour of it.
        clocks.promise_update(row)


def _waits(timer: Timer) -> tuple[Ticket | None, str, datetime | None]:
    """The ticket, while this very promise stands."""
    which = str(timer.payload["clock"])
    found = Ticket.objects.open().filter(pk=timer.payload["ticket"]).first()
    if found is None:
        return None, which, None
    row = hold(found)
    at = clocks.standing(row, which)
    return (row, which, at) if plain(at) == timer.payload["due"] else (None, which, None)


def mark_late(row: Ticket) -> None:
    """What ran out already, before somebody keeps it late."""
    for which in Clock.values:
        at = clocks.standing(row, which)
        if at is not None and at < clock.now():
            note_miss(row, which, at)


def note_miss(row: Ticket, which: str, at: datetime) -> None:
    times = _times(row, which, at)
    _, made = TicketMiss.objects.get_or_create(
        ticket=row, clock=which, due_at=at,
        defaults={"workspace_id": row.workspace_id, "priority": row.priority, "times": times},
    )  # fmt: skip
    if not made:
        return
    what = _MISSED[Clock(which)]
    note(
        row, "ticket.missed", actor=PORTAL, said=f"{row.ref}: {what}.",
        details={"clock": which, "due": plain(at), "times": times},
    )  # fmt: skip
    number = row.misses.count()
    roles = roles_for(row, number)
    telling.told(
        row, "ticket.missed", key=f"{which}:{plain(at)}", users=[row.assignee_id], roles=roles,
        urgent=row.priority != Ticket.Priority.P2, what=what,
        text=f"It was due by {at:%Y-%m-%d %H:%M} UTC. {level_of(row).title} asks for it.",
    )  # fmt: skip


def _times(row: Ticket, which: str, at: datetime) -> int:
    every = level_of(row).update_s
    if which != Clock.UPDATE or not every or clock.now() <= at:
        return 1
    return 1 + int(clocks.covered(row, at, clock.now()) // every)
