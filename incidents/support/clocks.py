"""The clocks of a ticket. Each is a promise of its priority, counts while its channel is covered
(P0 always), is reminded of before it runs out, and is noticed when it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.audit.refs import subject_ref
from controlplane.base.states import plain
from controlplane.jobs import timers
from controlplane.lib import clock, defaults
from incidents.models import SeverityLevel, Ticket, TicketMiss
from incidents.querysets import OVER as INCIDENT_OVER
from incidents.support import hours
from incidents.support.holding import level_of
from incidents.support.querysets import OPEN, OWED

NEAR, MISSED = "ticket.clock_near", "ticket.clock_missed"
CLOSE = "ticket.close"
REMIND = defaults.define(
    "support.reminder_share",
    0.3,
    unit="of a promise",
    why="What is left of it when whoever has to keep it is reminded.",
)
MOST_REMIND = defaults.define(
    "support.reminder_most_s",
    1800.0,
    unit="seconds",
    why="Of long promises nobody wants to hear hours before.",
)
CLOSES = defaults.define(
    "support.closes_after_days",
    3,
    unit="days",
    why="Time to say that it does not work after all; then a resolved ticket is closed.",
)
_ALWAYS = "mailbox"  # of a channel that is gone: promises are rather kept too early

Clock = TicketMiss.Clock


@dataclass(frozen=True, slots=True)
class Promise:
    """`seconds`: the level's figure; `due`, `kept`: columns of the ticket."""

    clock: str
    seconds: str
    due: str
    kept: str


PROMISES: Mapping[str, Promise] = {
    each.clock: each
    for each in (
        Promise(Clock.ACKNOWLEDGE, "ack_s", "acknowledge_due_at", "acknowledged_at"),
        Promise(Clock.TRIAGE, "triage_s", "triage_due_at", "triaged_at"),
        Promise(Clock.RESPOND, "respond_s", "respond_due_at", "responded_at"),
    )
}


def channel_of(row: Ticket) -> hours.Channel:
    known = hours.channels(row.workspace_id)
    return known.get(row.channel) or known[_ALWAYS]


def due(row: Ticket, start: datetime, seconds: float) -> datetime:
    if row.priority == Ticket.Priority.P0:
        return start + timedelta(seconds=seconds)
    return hours.due(channel_of(row), start, seconds)


def covered(row: Ticket, since: datetime, until: datetime) -> float:
    """Seconds between the two that count for it."""
    if row.priority == Ticket.Priority.P0:
        return (until - since).total_seconds()
    return hours.covered_between(channel_of(row), since, until)


def set_all(row: Ticket) -> None:
    """As its priority asks, counted from when it came in. What was kept stays kept; a promise of
    another priority moves with it."""
    level = level_of(row)
    changes: dict[str, datetime | None] = {}
    for promise in PROMISES.values():
        seconds = getattr(level, promise.seconds)
        kept = getattr(row, promise.kept)
        if kept is None:
            at = None if seconds is None else due(row, row.opened_at, seconds)
            changes[promise.due] = at
    changes["next_update_due_at"] = _next_update(row, level)
    _put(row, changes)
    for promise in PROMISES.values():
        follow(row, promise.clock)
    follow(row, Clock.UPDATE, since=_since_update(row))


def _next_update(row: Ticket, level: SeverityLevel) -> datetime | None:
    if not owes_updates(row) or level.update_s is None:
        return None
    return due(row, _since_update(row), level.update_s)


def _since_update(row: Ticket) -> datetime:
    """From when the next one counts. One that was missed was promised anew from when that was
    noticed."""
    since = row.last_update_at or row.reopened_at or row.triaged_at or row.opened_at
    missed = row.misses.filter(clock=Clock.UPDATE).order_by("pk").last()
    return since if missed is None else max(since, missed.noticed_at)


def owes_updates(row: Ticket) -> bool:
    """While it is worked on. What waits for its requester owes nothing, and one that stands for an
    incident keeps that one's promise."""
    return row.status in OWED and not follows_incident(row)


def follows_incident(row: Ticket) -> bool:
    return row.incident is not None and row.incident.status not in INCIDENT_OVER


def promise_update(row: Ticket) -> None:
    """The next one counts from now."""
    level = level_of(row)
    at, since = None, clock.now()
    if owes_updates(row) and level.update_s is not None:
        at = due(row, since, level.update_s)
    _put(row, {"next_update_due_at": at})
    follow(row, Clock.UPDATE, since=since)


def stop(row: Ticket) -> None:
    """Nothing is promised any more."""
    _put(row, {"next_update_due_at": None})
    for each in Clock.values:
        timers.cancel_timer(key_of(row, each))


def follow(row: Ticket, which: str, *, since: datetime | None = None) -> None:
    """A timer for a promise that stands, none for one that was kept or is not owed. `since`: what
    it counts from, where that is not when the ticket came in."""
    at = standing(row, which)
    if at is None:
        timers.cancel_timer(key_of(row, which))
        return
    await_(NEAR, row, which, at, when=min(at, _remind_at(row, which, since or row.opened_at)))


def _remind_at(row: Ticket, which: str, since: datetime) -> datetime:
    """In hours that are covered: what falls due in the morning is not reminded of at night."""
    figure = "update_s" if which == Clock.UPDATE else PROMISES[which].seconds
    whole: float = getattr(level_of(row), figure) or 0.0
    return due(row, since, whole - min(whole * REMIND.value, MOST_REMIND.value))


def standing(row: Ticket, which: str) -> datetime | None:
    """Until when, if it is still to be kept."""
    if row.status not in OPEN:
        return None
    if which == Clock.UPDATE:
        return row.next_update_due_at
    promise = PROMISES[which]
    found: datetime | None = getattr(row, promise.due)
    if getattr(row, promise.kept) is not None or noticed(row, which, found):
        return None
    return found


def noticed(row: Ticket, which: str, at: datetime | None) -> bool:
    """The miss of this very promise is on record."""
    return at is not None and row.misses.filter(clock=which, due_at=at).exists()


def await_(kind: str, row: Ticket, which: str, at: datetime, *, when: datetime) -> None:
    timers.set_timer(
        kind,
        key=key_of(row, which),
        due_at=when,
        subject=subject_ref(row),
        workspace_id=row.workspace_id,
        payload={"ticket": row.pk, "clock": which, "due": plain(at)},
    )


def key_of(row: Ticket, which: str) -> str:
    return f"ticket.{which}:{row.uid}"


def close_later(row: Ticket) -> None:
    """A resolved one is closed when nobody objects."""
    timers.set_timer(
        CLOSE,
        key=f"{CLOSE}:{row.uid}",
        due_at=clock.now() + timedelta(days=CLOSES.value),
        subject=subject_ref(row),
        workspace_id=row.workspace_id,
        payload={"ticket": row.pk},
    )


def keep_open(row: Ticket) -> None:
    timers.cancel_timer(f"{CLOSE}:{row.uid}")


def _put(row: Ticket, changes: dict[str, datetime | None]) -> None:
    """Without a new version: a form that is open elsewhere stays good."""
    Ticket.objects.filter(pk=row.pk).update(**changes)
    row.refresh_from_db(fields=[*changes, "due_at"])
