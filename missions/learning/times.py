"""When meetings are: at a time of day in a place, whatever its clocks do."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from missions.models import Cadence

if TYPE_CHECKING:
    from missions.models import MeetingSeries

# A Monday that pairs of weeks are counted from, as key figures count theirs.
_FIRST = date(2024, 1, 1)
_QUARTERS = (1, 4, 7, 10)
# How far back and on one has to look to find the nearest of each.
_REACH = {
    Cadence.STANDUP: 5,
    Cadence.OPS_SYNC: 8,
    Cadence.SUPPORT: 8,
    Cadence.COUNCIL: 15,
    Cadence.RETRO: 36,
    Cadence.PLANNING: 105,
}


def falls_on(cadence: str, weekday: int, day: date) -> bool:
    """Stand-ups on working days, syncs each week, councils each second, retrospectives on the
    first such weekday of a month, planning on that of a quarter."""
    if cadence == Cadence.STANDUP:
        return day.weekday() < calendar.SATURDAY
    if day.weekday() != weekday:
        return False
    if cadence in {Cadence.OPS_SYNC, Cadence.SUPPORT}:
        return True
    if cadence == Cadence.COUNCIL:
        return (day - _FIRST).days // 7 % 2 == 0
    if day.day > 7:
        return False
    return cadence == Cadence.RETRO or day.month in _QUARTERS


def moment(day: date, at: time, zone: str) -> datetime:
    """This time of this day there. A time that the clocks skip is the one after it."""
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def _days(start: date, step: int, most: int) -> Iterator[date]:
    return (start + timedelta(days=step * each) for each in range(most + 1))


def next_after(series: MeetingSeries, after: datetime) -> datetime:
    """The first that is later than this moment."""
    today = after.astimezone(ZoneInfo(series.time_zone)).date()
    for day in _days(today, 1, _REACH[Cadence(series.cadence)]):
        if falls_on(series.cadence, series.weekday, day):
            found = moment(day, series.at, series.time_zone)
            if found > after:
                return found
    raise AssertionError(f"{series.cadence} is never")


def last_before(series: MeetingSeries, before: datetime) -> datetime:
    """The last that is not later than this moment."""
    today = before.astimezone(ZoneInfo(series.time_zone)).date()
    for day in _days(today, -1, _REACH[Cadence(series.cadence)]):
        if falls_on(series.cadence, series.weekday, day):
            found = moment(day, series.at, series.time_zone)
            if found <= before:
                return found
    raise AssertionError(f"{series.cadence} was never")


def nearest(series: MeetingSeries, now: datetime) -> datetime:
    """The one that somebody who begins now means: the last, for a third of the way to the next;
    after that it was not held, and people mean the next."""
    last, following = last_before(series, now), next_after(series, now)
    return last if (now - last) * 3 <= following - last else following
