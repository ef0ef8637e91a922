"""The rota by weeks: who is primary, who is secondary, what is odd about the week, and how long
both are there when they hand over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from controlplane.access.models import User
from controlplane.lib import clock
from controlplane.oncall import arithmetic, duty, numbers, plans, reach
from controlplane.oncall.arithmetic import Plan, Shift
from controlplane.oncall.models import Schedule
from controlplane.oncall.reach import Way
from controlplane.oncall.walls import instant, local_of, zone_of

PRIMARY, SECONDARY = "primary_operator", "secondary_operator"


@dataclass(frozen=True, slots=True)
class Week:
    name: str
    since: datetime
    until: datetime
    primary: Sequence[str]
    secondary: Sequence[str]
    notes: Sequence[str]
    overlap: Sequence[str]


@dataclass(frozen=True, slots=True)
class Reached:
    person: User
    ways: Sequence[Way]


@dataclass(frozen=True, slots=True)
class Sheet:
    """`zone` is whose Mondays begin the weeks and whose clock the hours are of."""

    zone: str
    weeks: Sequence[Week]
    people: Sequence[Reached]


def sheet(schedules: Sequence[Schedule], at: datetime | None = None) -> Sheet | None:
    """Of the schedules of one workspace; None where there are none."""
    if not schedules:
        return None
    at = at or clock.now()
    first = next((one for one in schedules if PRIMARY in one.roles), schedules[0])
    zone = zone_of(first.time_zone)
    spans = _weeks(at, zone)
    far = duty.window()
    known = plans.plans_of(schedules, spans[0][0] - far, spans[-1][1] + far)
    found = {
        one.pk: arithmetic.shifts(known[one.pk], spans[0][0], spans[-1][1]) for one in schedules
    }
    everybody = duty.Names.of(shift for shifts in found.values() for shift in shifts).people
    ways = reach.ways_of(first.workspace_id, list(everybody.values()))
    people = sorted(everybody.values(), key=lambda one: (one.name or one.email).lower())
    return Sheet(
        zone.key,
        [_week(schedules, known, found, everybody, span, zone) for span in spans],
        [Reached(one, ways[one.pk]) for one in people],
    )


def _weeks(at: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    today = local_of(at, zone).date()
    monday = datetime.combine(today - timedelta(days=today.weekday()), time())
    days = [monday + timedelta(weeks=n) for n in range(numbers.ROSTER_WEEKS.value + 1)]
    return list(pairwise(instant(day, zone) for day in days))


def _week(
    schedules: Sequence[Schedule],
    known: dict[int, Plan],
    found: dict[int, list[Shift]],
    people: dict[int, User],
    span: tuple[datetime, datetime],
    zone: ZoneInfo,
) -> Week:
    since, until = span
    notes: list[str] = []
    overlap: list[str] = []
    on: dict[str, list[str]] = {PRIMARY: [], SECONDARY: []}
    for one in schedules:
        shifts = [shift for shift in found[one.pk] if shift.since < until and shift.until > since]
        for role, said in on.items():
            if role in one.roles:
                said += _said(shifts, people, since, zone)
        notes += _notes(one, known[one.pk], shifts, people, span, zone)
        overlap += _overlap(one, shifts, people, since, zone)
    local = local_of(since, zone)
    return Week(
        f"{local:%G-W%V}, from {local:%Y-%m-%d}", since, until,
        on[PRIMARY], on[SECONDARY], notes, overlap,
    )  # fmt: skip


def _name(shift: Shift, people: dict[int, User]) -> str:
    return "nobody" if shift.person is None else called(people[shift.person])


def called(user: User) -> str:
    return user.name or user.email


def _said(
    shifts: Sequence[Shift], people: dict[int, User], since: datetime, zone: ZoneInfo
) -> list[str]:
    """Each person once after the other, with the hour they begin; outside the hours that a
    schedule is meant for nobody is nobody's loss, and is left out."""
    found: list[str] = []
    last: int | None = None
    for shift in shifts:
        if shift.person is None or shift.person == last:
            continue
        last = shift.person
        name = _name(shift, people)
        if shift.since <= since:
            found.append(name)
        else:
            found.append(f"{name} from {local_of(shift.since, zone):%a %H:%M}")
    return found


def _notes(
    schedule: Schedule,
    plan: Plan,
    shifts: Sequence[Shift],
    people: dict[int, User],
    span: tuple[datetime, datetime],
    zone: ZoneInfo,
) -> list[str]:
    gaps = arithmetic.gaps(plan, max(span[0], schedule.created_at), span[1])
    said = [
        f"{schedule.title}: nobody from {local_of(gap.since, zone):%a %H:%M} "
        f"to {local_of(gap.until, zone):%a %H:%M}"
        for gap in (gaps if plan.rotations and span[1] > schedule.created_at else [])
    ]
    return said + [
        f"{schedule.title}: {_name(shift, people)} stands in from "
        f"{local_of(max(shift.since, span[0]), zone):%a %H:%M}"
        for shift in shifts
        if shift.override is not None
    ]


def _overlap(
    schedule: Schedule,
    shifts: Sequence[Shift],
    people: dict[int, User],
    since: datetime,
    zone: ZoneInfo,
) -> list[str]:
    """The hand-overs of the week, one person to the next, and how long both are there."""
    return [
        f"{local_of(two.since, zone):%a %H:%M} {_name(one, people)} to {_name(two, people)}, "
        f"{schedule.overlap_minutes} min"
        for one, two in pairwise(shifts)
        if two.since >= since and None not in (one.person, two.person) and one.person != two.person
    ]
