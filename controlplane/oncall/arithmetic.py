"""Shifts from rotations: pure, of instants and numbers of people. No rows, no clock.

A plan is a stack: later layers over earlier ones, swaps on top. Where a layer says nothing (it is
restricted to hours, has not begun, or its person has left) the one below shows through; where
nobody shows, there is a gap, and it is told like a shift of nobody.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from controlplane.oncall.walls import instant, local_of

DAY = timedelta(days=1)
MIDNIGHT = time(0)
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Hours:
    """Days of the week (Monday is 0) and hours of them. Hours over midnight belong to the day
    they begin on; without hours the whole day counts."""

    zone: ZoneInfo
    days: frozenset[int]
    start: time = MIDNIGHT
    end: time = MIDNIGHT

    def within(self, start: datetime, end: datetime) -> list[Span]:
        """Stretches between the two instants, in order, those that touch made one."""
        found: list[Span] = []
        day = local_of(start, self.zone).date() - 2 * DAY
        last = local_of(end, self.zone).date() + DAY
        while day <= last:
            if day.weekday() in self.days:
                _append(found, self._of(day), start, end)
            day += DAY
        return found

    def holds(self, at: datetime) -> bool:
        """Whether an instant lies in them. Hours reach over midnight, and clocks over a day."""
        today = local_of(at, self.zone).date()
        for back in (0, 1, 2, -1):
            day = today - back * DAY
            if day.weekday() in self.days:
                since, until = self._of(day)
                if since <= at < until:
                    return True
        return False

    def _of(self, day: date) -> Span:
        until = day if self.end > self.start else day + DAY
        return (
            instant(datetime.combine(day, self.start), self.zone),
            instant(datetime.combine(until, self.end), self.zone, last=True),
        )


def _append(found: list[Span], span: Span, start: datetime, end: datetime) -> None:
    since, until = max(span[0], start), min(span[1], end)
    if since >= until:
        return
    if found and since <= found[-1][1]:
        found[-1] = (found[-1][0], max(found[-1][1], until))
    else:
        found.append((since, until))


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody's, or nobody's, from one instant to another. `layer` and `turn` say by which turn
    of which rotation, `override` by which swap."""

    since: datetime
    until: datetime
    person: int | None = None
    layer: int | None = None
    turn: int | None = None
    override: int | None = None

    @property
    def is_gap(self) -> bool:
        return self.person is None


@dataclass(frozen=True, slots=True)
class Rotation:
    """People who take turns. The first has the turn that begins at `anchor`, a local time, and
    what lies before it."""

    key: int
    people: tuple[int, ...]
    zone: ZoneInfo
    anchor: datetime
    period: timedelta
    since: datetime
    until: datetime | None = None
    hours: Hours | None = None

    def hand_over(self, turn: int) -> datetime:
        return instant(self.anchor + turn * self.period, self.zone)

    def turn_at(self, at: datetime) -> int:
        """Which turn an instant lies in. The guess is right but near a change of the clocks."""
        turn = (local_of(at, self.zone) - self.anchor) // self.period
        while self.hand_over(turn) > at:
            turn -= 1
        while self.hand_over(turn + 1) <= at:
            turn += 1
        return turn

    def person_of(self, turn: int) -> int:
        return self.people[max(turn, 0) % len(self.people)]

    def person_at(self, at: datetime) -> int | None:
        """Whose turn an instant lies in; nobody's outside the hours and before or after it all."""
        if at < self.since or (self.until is not None and at >= self.until) or not self.people:
            return None
        if self.hours is not None and not self.hours.holds(at):
            return None
        return self.person_of(self.turn_at(at))

    def turns(self, start: datetime, end: datetime) -> Iterator[Shift]:
        """Turns between the two instants while the rotation is in effect, cut to them."""
        since = max(start, self.since)
        end = end if self.until is None else min(end, self.until)
        if not self.people or since >= end:
            return
        turn = self.turn_at(since)
        while since < end:
            until = min(self.hand_over(turn + 1), end)
            if since < until:  # a turn that the clocks skipped whole is nobody's
                yield Shift(since, until, self.person_of(turn), self.key, turn)
                since = until
            turn += 1

    def shifts(self, start: datetime, end: datetime) -> list[Shift]:
        turns = list(self.turns(start, end))
        if self.hours is None:
            return turns
        return list(cut(turns, self.hours.within(start, end)))


@dataclass(frozen=True, slots=True)
class Swap:
    key: int
    person: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a schedule that its shifts follow from. `gone` says since when somebody can no longer
    be on duty; `meant` when somebody should be, if not always."""

    rotations: tuple[Rotation, ...] = ()  # the lowest first
    swaps: tuple[Swap, ...] = ()
    gone: Mapping[int, datetime] = field(default_factory=dict)
    meant: Hours | None = None


def cut(shifts: Iterable[Shift], spans: Sequence[Span]) -> Iterator[Shift]:
    """Shifts as far as they lie in the spans. Both are in order and free of overlaps."""
    ends = [until for _, until in spans]
    for shift in shifts:
        for since, until in spans[bisect_right(ends, shift.since) :]:
            if since >= shift.until:
                break
            yield replace(shift, since=max(since, shift.since), until=min(until, shift.until))


def over(top: Sequence[Shift], below: Sequence[Shift]) -> list[Shift]:
    """What stands on top hides what lies below it."""
    found: list[Shift] = []
    place = 0
    for shift in below:
        since = shift.since
        while place < len(top) and top[place].since < shift.until:
            above = top[place]
            if since < above.since:
                found.append(replace(shift, since=since, until=above.since))
            since = max(since, above.until)
            if above.until > shift.until:
                break  # it hides something of the next one, too
            found.append(above)
            place += 1
        if since < shift.until:
            found.append(replace(shift, since=since))
    found.extend(top[place:])
    found.sort(key=lambda shift: shift.since)
    return found


def _present(shifts: Iterable[Shift], gone: Mapping[int, datetime]) -> list[Shift]:
    """Without what would fall to people who are no longer there."""
    found = []
    for shift in shifts:
        left = gone.get(shift.person) if shift.person is not None else None
        if left is None or left >= shift.until:
            found.append(shift)
        elif left > shift.since:
            found.append(replace(shift, until=left))
    return found


def shifts(plan: Plan, start: datetime, end: datetime) -> list[Shift]:
    """Every moment between the two, once, in order: shifts of people, and gaps as shifts of
    nobody."""
    whole: list[Shift] = []
    for rotation in plan.rotations:
        whole = over(_present(rotation.shifts(start, end), plan.gone), whole)
    swaps = [
        Shift(max(one.since, start), min(one.until, end), one.person, override=one.key)
        for one in sorted(plan.swaps, key=lambda one: one.since)
        if one.since < end and one.until > start
    ]
    whole = over(_present(swaps, plan.gone), whole)
    return list(_filled(whole, start, end))


def _filled(found: Iterable[Shift], start: datetime, end: datetime) -> Iterator[Shift]:
    at = start
    for shift in found:
        if at < shift.since:
            yield Shift(at, shift.since)
        yield shift
        at = shift.until
    if at < end:
        yield Shift(at, end)


def gaps(plan: Plan, start: datetime, end: datetime) -> list[Shift]:
    """Where somebody should be on duty and nobody is. What one gap is stays one, wherever turns
    change in it."""
    empty = [shift for shift in shifts(plan, start, end) if shift.is_gap]
    spans = [(start, end)] if plan.meant is None else plan.meant.within(start, end)
    return list(cut(empty, spans))


def reach(plan: Plan) -> timedelta:
    """How far from an instant one has to look to see its whole shift."""
    longest = max((rotation.period for rotation in plan.rotations), default=DAY)
    return longest + 2 * DAY


def shift_at(plan: Plan, at: datetime) -> Shift:
    """The shift an instant lies in, with its true beginning and end. A gap's are as far as one
    looked."""
    far = reach(plan)
    for swap in plan.swaps:
        if swap.since <= at < swap.until:
            far = max(far, at - swap.since + DAY, swap.until - at + DAY)
    for shift in shifts(plan, at - far, at + far):
        if shift.since <= at < shift.until:
            return shift
    raise AssertionError("shifts cover every moment")  # pragma: no cover


def person_at(plan: Plan, at: datetime) -> int | None:
    """Who is on duty, and no more: without a look at where the shift begins and ends, which is
    what takes time. It says what `shifts` says."""
    for swap in plan.swaps:
        if swap.since <= at < swap.until and _there(plan, swap.person, at):
            return swap.person
    for rotation in reversed(plan.rotations):
        person = rotation.person_at(at)
        if person is not None and _there(plan, person, at):
            return person
    return None


def _there(plan: Plan, person: int, at: datetime) -> bool:
    left = plan.gone.get(person)
    return left is None or at < left


def next_change(plan: Plan, at: datetime, until: datetime) -> Shift | None:
    """The next shift of somebody else, or of nobody; None when there is none until then."""
    now: int | None = None
    for place, shift in enumerate(shifts(plan, at, until)):
        if place == 0:
            now = shift.person
        elif shift.person != now:
            return shift
    return None
