"""Whether shifts follow a rhythm: then they are a rotation, with what differs from it as swaps.

A guess is made from the shifts, and then the rotation it means is worked out and held against them:
what nobody was meant to have it must not give to anybody. Pure: no rows, no clock.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from math import gcd
from typing import Any

from controlplane.oncall.arithmetic import DAY, Hours, Rotation, Shift
from controlplane.oncall.walls import instant, local_of, zone_of

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
TWICE = 2  # a rhythm is heard the second time
ALIKE = 0.75  # of the shifts; the rest are swaps
LONGEST = 56  # days
MOST_PEOPLE = 50


@dataclass(frozen=True, slots=True)
class Rota:
    """A rotation as `set_layer` takes it; `people` by number, in order."""

    people: tuple[int, ...]
    time_zone: str
    turn: str
    every: int
    handoff_time: time
    handoff_weekday: int
    starts_on: date
    until: date | None = None
    days: tuple[int, ...] = EVERY_DAY
    hours_from: time | None = None
    hours_until: time | None = None

    def fields(self) -> dict[str, Any]:
        """All but its people, as a rotation's row and its service name them."""
        return {one.name: getattr(self, one.name) for one in fields(self)
                if one.name not in {"people", "until"}}  # fmt: skip

    def rotation(self, since: datetime) -> Rotation:
        zone = zone_of(self.time_zone)
        begin = datetime.combine(self.starts_on, self.handoff_time)
        hours = None
        if self.hours_from is not None and self.hours_until is not None:
            hours = Hours(zone, frozenset(self.days), self.hours_from, self.hours_until)
        elif self.days != EVERY_DAY:
            hours = Hours(zone, frozenset(self.days))
        last = self.until
        return Rotation(
            key=0,
            people=self.people,
            zone=zone,
            anchor=begin,
            period=self.every * DAY * (7 if self.turn == "weekly" else 1),
            since=max(since, instant(begin, zone)),
            until=None if last is None else instant(
                datetime.combine(last, self.handoff_time), zone
            ),
            hours=hours,
        )  # fmt: skip


def found(
    shifts: Sequence[Shift], zones: Sequence[str], now: datetime, horizon: datetime
) -> tuple[Rota, list[Shift]] | None:
    """The rotation that tells the most of them, and what it doesn't tell; None for no rhythm."""
    best: tuple[tuple[int, int], Rota, list[Shift]] | None = None
    for zone in dict.fromkeys(zones):
        for rota in _guesses(shifts, zone, horizon):
            rest = _rest(rota, shifts, now, horizon)
            if rest is None or len(rest) > (1 - ALIKE) * len(shifts):
                continue
            score = (len(rest), len(rota.people))
            if best is None or score < best[0]:
                best = score, rota, rest
        if best is not None and best[0][0] == 0:
            break
    return None if best is None else (best[1], best[2])


def _guesses(shifts: Sequence[Shift], zone: str, horizon: datetime) -> Iterator[Rota]:
    clock = zone_of(zone)
    local = [
        replace(one, since=local_of(one.since, clock), until=local_of(one.until, clock))
        for one in shifts
    ]
    if len(local) < TWICE:
        return
    spans = Counter((one.since.time(), one.until.time()) for one in local)
    (start, end), alike = spans.most_common(1)[0]
    short = all(one.until - one.since < DAY for one in local)
    if short and alike >= ALIKE * len(local):
        days = tuple(sorted({one.since.weekday() for one in local if one.since.time() == start}))
        for weekday in days:
            for period in (7, 14, 21, 28):
                yield from _with(local, zone, horizon, period, weekday, start, days, (start, end))
        yield from _with(local, zone, horizon, 1, days[0], start, days, (start, end))
        return
    begins = Counter(one.since.time() for one in local).most_common(1)[0][0]
    lengths = [max(1, round((one.until - one.since) / DAY)) for one in local]
    periods = {gcd(*lengths), Counter(lengths).most_common(1)[0][0], 7, 14, 1}
    weekdays = Counter(one.since.weekday() for one in local if one.since.time() == begins)
    for period in sorted(one for one in periods if one <= LONGEST):
        for weekday, _ in weekdays.most_common(2):
            yield from _with(local, zone, horizon, period, weekday, begins, EVERY_DAY, None)


def _with(
    local: Sequence[Shift],
    zone: str,
    horizon: datetime,
    period: int,
    weekday: int,
    handoff: time,
    days: tuple[int, ...],
    hours: tuple[time, time] | None,
) -> Iterator[Rota]:
    """The rotation with turns of so many days, if people come round in it."""
    first = local[0].since
    day = first.date()
    if datetime.combine(day, handoff) > first:
        day -= DAY
    if period > 1:
        day -= timedelta(days=(day.weekday() - weekday) % 7)
    anchor = datetime.combine(day, handoff)
    whose = _slots(local, anchor, period)
    people = _round(whose)
    if people is None:
        return
    weekly = period % 7 == 0
    last = local[-1].until
    clock = zone_of(zone)
    # What goes on as long as one looks goes on.
    endless = instant(last, clock) >= horizon - timedelta(days=period * max(1, len(people)) + 1)
    until = last.date() if last.time() <= handoff and hours is None else last.date() + DAY
    yield Rota(
        people=people,
        time_zone=zone,
        turn="weekly" if weekly else "daily",
        every=period // 7 if weekly else period,
        handoff_time=handoff,
        handoff_weekday=weekday,
        starts_on=day,
        until=None if endless else until,
        days=days,
        hours_from=None if hours is None else hours[0],
        hours_until=None if hours is None else hours[1],
    )


def _slots(local: Sequence[Shift], anchor: datetime, period: int) -> dict[int, int]:
    """Who has the most of each turn."""
    votes: dict[int, Counter[int]] = defaultdict(Counter)
    length = timedelta(days=period)
    for one in local:
        at, person = one.since, one.person
        while at < one.until and person is not None:
            slot = (at - anchor) // length
            until = min(one.until, anchor + (slot + 1) * length)
            votes[slot][person] += int((until - at).total_seconds())
            at = until
    return {slot: counted.most_common(1)[0][0] for slot, counted in votes.items()}


def _round(whose: dict[int, int]) -> tuple[int, ...] | None:
    """The fewest who come round in this order for most of the turns."""
    slots = sorted(whose)
    span = slots[-1] - slots[0] + 1
    for size in range(1, min(MOST_PEOPLE, span // TWICE) + 1):
        places: list[Counter[int]] = [Counter() for _ in range(size)]
        for slot, person in whose.items():
            places[slot % size][person] += 1
        if not all(places):
            continue
        order = tuple(counted.most_common(1)[0][0] for counted in places)
        right = sum(order[slot % size] == person for slot, person in whose.items())
        if right >= ALIKE * len(whose):
            return order
    return None


def _rest(
    rota: Rota, shifts: Sequence[Shift], now: datetime, horizon: datetime
) -> list[Shift] | None:
    """Where the shifts say somebody else than the rotation; None where it gives somebody a time
    that nobody had."""
    begin = max(now, shifts[0].since)
    end = shifts[-1].until
    told = rota.rotation(begin).shifts(begin, end)
    if rota.until is not None and rota.rotation(begin).shifts(end, horizon):
        return None
    edges = sorted(
        {begin, end}
        | {at for one in (*told, *shifts) for at in (one.since, one.until) if begin < at < end}
    )
    pieces: list[Shift] = []
    told_at, meant_at = _walk(told), _walk(shifts)
    for since, until in pairwise(edges):
        by, meant = told_at(since), meant_at(since)
        if meant is None and by is not None:
            return None
        if meant is None or by == meant:
            continue
        if pieces and pieces[-1].until == since and pieces[-1].person == meant:
            pieces[-1] = replace(pieces[-1], until=until)
        else:
            pieces.append(Shift(since, until, meant))
    return pieces


def _walk(shifts: Sequence[Shift]) -> Callable[[datetime], int | None]:
    """Whose an instant is; asked in order, so that one look through them is enough."""
    rest = deque(shifts)

    def whose(at: datetime) -> int | None:
        while rest and rest[0].until <= at:
            rest.popleft()
        return rest[0].person if rest and rest[0].since <= at else None

    return whose
