"""Who gains or loses a shift by a change of the rota, so that each of them hears of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.oncall import arithmetic, numbers, plans
from controlplane.oncall.arithmetic import Span
from controlplane.oncall.models import Schedule
from controlplane.oncall.services import telling


@dataclass
class Change:
    """`key` names it, so that a message of it is sent once; `but` are those who hear of it
    otherwise, as whoever made it."""

    key: str = ""
    but: set[int] = field(default_factory=set)


@contextmanager
def told(schedule: Schedule, *, actor: Actor, why: str = "") -> Iterator[Change]:
    """Around a change within its transaction: everybody whose shifts it changes is told which."""
    now = clock.now()
    until = now + timedelta(days=numbers.OVERRIDE_AHEAD.value)
    before = _spans(schedule, now, until)
    change = Change(key=f"{now.isoformat()}")
    yield change
    after = _spans(schedule, now, until)
    for person in sorted(before.keys() | after.keys()):
        if person in change.but or person == actor.user_id:
            continue
        gained = without(after[person], before[person])
        lost = without(before[person], after[person])
        if gained or lost:
            telling.changed(schedule, change.key, person, gained, lost, actor, why)


def _spans(schedule: Schedule, since: datetime, until: datetime) -> defaultdict[int, list[Span]]:
    found: defaultdict[int, list[Span]] = defaultdict(list)
    if not schedule.is_active:
        return found
    for shift in arithmetic.shifts(plans.plan_of(schedule, since, until), since, until):
        if shift.person is None:
            continue
        mine = found[shift.person]
        if mine and mine[-1][1] == shift.since:
            mine[-1] = (mine[-1][0], shift.until)
        else:
            mine.append((shift.since, shift.until))
    return found


def without(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What of the spans lies in none of the others. Both in order and free of overlaps."""
    found: list[Span] = []
    place = 0
    for since, until in spans:
        while place < len(others) and others[place][1] <= since:
            place += 1
        at = place
        while since < until and at < len(others) and others[at][0] < until:
            if since < others[at][0]:
                found.append((since, others[at][0]))
            since = max(since, others[at][1])
            at += 1
        if since < until:
            found.append((since, until))
    return found
