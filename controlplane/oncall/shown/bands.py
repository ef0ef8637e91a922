"""Shifts as a band of days: where each begins and how far it goes, in shares of the width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from urllib.parse import urlencode

from controlplane.access.models import User
from controlplane.lib import clock
from controlplane.oncall import arithmetic, duty, lacking, numbers, plans
from controlplane.oncall.arithmetic import Plan, Shift
from controlplane.oncall.duty import Standing
from controlplane.oncall.lacking import Lack
from controlplane.oncall.links import take_url
from controlplane.oncall.models import Schedule
from controlplane.oncall.walls import instant, local_of, zone_of

COLOURS = 8
NARROW = 5.5  # percent: below it nothing is written into a piece
TIGHT = 13.0  # percent: below it nothing on a phone
MOST_PIECES = 400
MOST_GAPS = 12


@dataclass(frozen=True, slots=True)
class Piece:
    since: datetime
    until: datetime
    x: str
    width: str
    name: str
    tone: str  # "1" … "8", or "gap"
    span: str
    title: str
    written: bool
    tight: bool
    swap: bool
    person: User | None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    x: str
    width: str
    name: str
    number: int
    weekend: bool
    begins_week: bool


@dataclass(frozen=True, slots=True)
class Band:
    pieces: Sequence[Piece]
    days: Sequence[Day]
    now: str
    zone: str
    summary: str
    gaps: Sequence[Piece]
    more: int  # pieces that are not drawn


@dataclass(frozen=True, slots=True)
class Told:
    """A schedule as a page tells it."""

    schedule: Schedule
    standing: Standing
    band: Band
    empty: bool  # no rotation yet
    url: str
    take: str
    mine: bool
    ahead: Sequence[Piece]  # gaps of the next weeks, however far the band goes
    lacks: Sequence[Lack]
    until: str  # when whoever is on duty goes off, on the reader's wall
    changes: str


class Colours:
    """One colour for each person of a page, in the order they come."""

    def __init__(self) -> None:
        self._of: dict[int, int] = {}

    def of(self, person: int) -> str:
        return str(self._of.setdefault(person, len(self._of)) % COLOURS + 1)


def told(
    schedules: Sequence[Schedule],
    *,
    zone: str,
    days: int,
    reader: int | None,
    at: datetime | None = None,
) -> list[Told]:
    """Several schedules over the same days, in the reader's zone."""
    at = at or clock.now()
    start, end = window(at, zone, days)
    far = duty.window()
    month = max(end, at + timedelta(weeks=numbers.ROSTER_WEEKS.value))
    known = plans.plans_of(schedules, min(start, at) - far, month + far) if schedules else {}
    found = {one.pk: pieces_of(known[one.pk], start, end, one.created_at) for one in schedules}
    on_it = {shift.person for shifts in found.values() for shift in shifts}
    names = User.objects.in_bulk(on_it - {None})
    colours = Colours()
    standings = duty.standings(schedules, at, known)
    lacks = {one.schedule.pk: one for one in lacking.of(schedules, at, known)}
    scale, where = Scale(start, end), zone_of(zone)
    return [
        Told(
            schedule=one.schedule,
            standing=one,
            band=band(one.schedule, found[one.schedule.pk], start, end, zone, names, colours, at),
            empty=not known[one.schedule.pk].rotations,
            url=f"/admin/oncall/schedule/{one.schedule.uid}/change/",
            take=take_url(one.schedule),
            mine=one.duty is not None and one.duty.person.pk == reader,
            ahead=[
                _piece(one.schedule, gap, scale, where, names, colours, at)
                for gap in lacks[one.schedule.pk].gaps[:MOST_GAPS]
            ],
            lacks=lacks[one.schedule.pk].lacks,
            until=moment(one.duty.until if one.duty is not None else None, zone),
            changes=moment(one.changes_at, zone),
        )
        for one in standings
    ]


def window(at: datetime, zone: str, days: int) -> tuple[datetime, datetime]:
    """From the reader's midnight on."""
    where = zone_of(zone)
    today = datetime.combine(local_of(at, where).date(), time())
    return instant(today, where), instant(today + timedelta(days=days), where)


def moment(at: datetime | None, zone: str) -> str:
    return "" if at is None else f"{local_of(at, zone_of(zone)):%a %d %b %H:%M}"


def pieces_of(plan: Plan, start: datetime, end: datetime, begun: datetime) -> list[Shift]:
    """Shifts and gaps as they are drawn: what one person has on end is one piece. Before a
    schedule was there nobody was missing."""
    shifts = [one for one in arithmetic.shifts(plan, start, end) if not one.is_gap]
    joined: list[Shift] = []
    for one in shifts:
        last = joined[-1] if joined else None
        same = last is not None and last.until == one.since and last.override == one.override
        if last is not None and same and last.person == one.person and last.layer == one.layer:
            joined[-1] = Shift(
                last.since, one.until, one.person, one.layer, last.turn, one.override
            )
        else:
            joined.append(one)
    gaps = arithmetic.gaps(plan, max(start, begun), end) if plan.rotations else []
    return sorted([*joined, *gaps], key=lambda one: one.since)


def band(
    schedule: Schedule,
    found: Sequence[Shift],
    start: datetime,
    end: datetime,
    zone: str,
    names: Mapping[int, User],
    colours: Colours,
    at: datetime,
) -> Band:
    where = zone_of(zone)
    scale = Scale(start, end)
    pieces = [
        _piece(schedule, one, scale, where, names, colours, at) for one in found[:MOST_PIECES]
    ]
    gaps = [piece for piece in pieces if piece.tone == "gap" and piece.until > at]
    people = len({piece.person.pk for piece in pieces if piece.person is not None})
    summary = f"{schedule.title}: {people} people take turns"
    if gaps:
        summary += f"; nobody in {len(gaps)} stretches, first from {gaps[0].title}"
    return Band(
        pieces=pieces,
        days=_days(start, end, zone, scale),
        now=scale.x(at.replace(minute=0, second=0, microsecond=0)),  # to an hour of two weeks
        zone=where.key,
        summary=summary,
        gaps=gaps,
        more=max(0, len(found) - MOST_PIECES),
    )


@dataclass(frozen=True, slots=True)
class Scale:
    start: datetime
    end: datetime

    def share(self, at: datetime) -> float:
        return 100 * ((at - self.start) / (self.end - self.start))

    def x(self, at: datetime) -> str:
        return f"{self.share(at):.3f}%"

    def width(self, since: datetime, until: datetime) -> str:
        return f"{self.share(until) - self.share(since):.3f}%"


def _piece(
    schedule: Schedule,
    one: Shift,
    scale: Scale,
    zone: tzinfo,
    names: Mapping[int, User],
    colours: Colours,
    at: datetime,
) -> Piece:
    user = names.get(one.person) if one.person is not None else None
    name = "nobody" if user is None else user.name or user.email
    since, until = (local.astimezone(zone) for local in (one.since, one.until))
    span = f"{since:%a %d %b %H:%M} to {until:%a %d %b %H:%M}"
    # Without a beginning it is from when somebody asks: the address is no news at every look.
    ask = {"from": one.since.isoformat()} if one.since > at else {}
    ask["until"] = one.until.isoformat()
    url = f"{take_url(schedule)}?{urlencode(ask)}" if one.until > at and schedule.is_active else ""
    share = scale.share(one.until) - scale.share(one.since)
    return Piece(
        since=one.since,
        until=one.until,
        x=scale.x(one.since),
        width=scale.width(one.since, one.until),
        name=name,
        tone="gap" if user is None else colours.of(user.pk),
        span=span,
        title=f"{name}, {span}" if user is not None else span,
        written=share >= NARROW,
        tight=share < TIGHT,
        swap=one.override is not None,
        person=user,
        url=url,
    )


def _days(start: datetime, end: datetime, zone: str, scale: Scale) -> list[Day]:
    where = zone_of(zone)
    day, found = local_of(start, where), []
    since = start
    while since < end:
        until = min(instant(day + timedelta(days=1), where), end)
        if since < until:
            found.append(
                Day(
                    x=scale.x(since),
                    width=scale.width(since, until),
                    name=f"{day:%a}",
                    number=day.day,
                    weekend=day.weekday() >= 5,
                    begins_week=day.weekday() == 0,
                )
            )
        day, since = day + timedelta(days=1), until
    return found
