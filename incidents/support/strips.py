"""The hours of a channel as a strip of days, as its own wall shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from controlplane.oncall.walls import local_of
from incidents.support import coverage
from incidents.support.coverage import MIDNIGHT
from incidents.support.hours import Channel

DAYS = 14


@dataclass(frozen=True, slots=True)
class Piece:
    x: str
    width: str
    title: str


@dataclass(frozen=True, slots=True)
class Day:
    x: str
    width: str
    name: str
    number: int
    is_today: bool
    differs: bool
    title: str


@dataclass(frozen=True, slots=True)
class Strip:
    channel: Channel
    days: list[Day]
    pieces: list[Piece]
    now: str
    is_open: bool
    turns_at: datetime | None  # opens or closes; None: never closes
    summary: str


def strip(channel: Channel, now: datetime) -> Strip:
    """From Monday of this week on, two weeks."""
    wall = local_of(now, channel.coverage.zone)
    first = wall.date() - timedelta(days=wall.weekday())
    days, pieces = [], []
    for number in range(DAYS):
        day = first + timedelta(days=number)
        spans = channel.coverage.on(day)
        told = coverage.write_spans(spans) or "closed"
        title = f"{day:%a} {day.day} {day:%b}: {told}"
        days.append(_day(number, day, wall.date(), day in channel.coverage.days, title))
        pieces += [_piece(number, span, title) for span in spans]
    open_ = coverage.is_open(channel.coverage, now)
    return Strip(
        channel, days, pieces, _percent(wall.weekday() * MIDNIGHT + wall.hour * 60 + wall.minute),
        open_, _turns(channel, now, open_=open_),
        f"{channel.row.title}: {'; '.join(channel.row.hours)}, {channel.row.time_zone}",
    )  # fmt: skip


def _day(number: int, day: date, today: date, differs: bool, title: str) -> Day:
    return Day(_percent(number * MIDNIGHT), _percent(MIDNIGHT), f"{day:%a}", day.day,
               day == today, differs, title)  # fmt: skip


def _piece(number: int, span: coverage.Span, title: str) -> Piece:
    begin, end = span
    return Piece(_percent(number * MIDNIGHT + begin), _percent(end - begin), title)


def _percent(minutes: int) -> str:
    return f"{minutes / (DAYS * MIDNIGHT) * 100:.3f}%"


def _turns(channel: Channel, now: datetime, *, open_: bool) -> datetime | None:
    """When it opens; or when it closes, within the two weeks: what follows at once is one."""
    far = now + timedelta(days=DAYS)
    closes: datetime | None = None
    for begin, end in coverage.stretches(channel.coverage, now):
        if not open_:
            return begin
        if closes is not None and begin > closes:
            return closes
        closes = end
        if end > far:
            return None
    return None
