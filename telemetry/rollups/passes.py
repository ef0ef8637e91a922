"""One pass of the roller, and how much one does at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

from controlplane.lib.defaults import define
from telemetry.catalogue import KINDS
from telemetry.rollups import days, marks, missions, sessions, statements
from telemetry.rollups.marks import Bucket
from telemetry.rollups.statements import DAY, HOUR, MINUTE

logger = logging.getLogger(__name__)

MOST = define(
    "telemetry.roll_minutes",
    240,
    unit="minutes",
    why="buckets of one pass, so that it stays a short transaction; it takes fewer when that is"
    " slow",
)
HOUR_REST = define(
    "telemetry.hour_rest_s",
    30.0,
    unit="seconds",
    why="an hour is summed up this long after a"
    " change, not at each: with the pass itself it is never a minute old",
)
DAY_REST = define(
    "telemetry.day_rest_s", 600.0, unit="seconds", why="days are read for weeks and months"
)
APART = define(
    "telemetry.twin_minutes",
    10,
    unit="minutes",
    why="two reports of one failed tool call are at most this far apart; a correlation id may be"
    " used longer than one call lasts",
)
MOST_GROUPS = define(
    "telemetry.most_groups",
    500,
    unit="groups",
    why="of one event in one bucket: whoever puts an id where a word belongs must not make the"
    " rollups as large as the events",
)
MOST_UNKNOWN = define(
    "telemetry.most_unknown_events",
    200,
    unit="events",
    why="names that the catalogue does not know, in one bucket",
)
SLOW, QUICK = 3.0, 0.5  # seconds: a pass that took so long is halved, or doubled
_size = 20


@dataclass(slots=True)
class Counts:
    """What a pass did. `marks` zero: nothing was due, or another roller is at work."""

    marks: int = 0
    minutes: int = 0
    hours: int = 0
    days: int = 0
    missions: int = 0

    def add(self, other: Counts) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def roll(limit: int | None = None) -> Counts:
    """Work off what is due: so many minutes at most, then hours and days."""
    return _roll(limit or _size, wait=False, all_=False)


def settle(low: datetime | None = None, high: datetime | None = None) -> Counts:
    """Work off everything that waits, due or not, or all of a span of whole days."""
    done = Counts()
    while (counts := _roll(_size, wait=True, all_=True, low=low, high=high)).marks:
        done.add(counts)
    return done


def work(deadline: float) -> int:
    """For the engine: passes until nothing is due or `deadline` (of time.monotonic) has come."""
    done = 0
    while (counts := roll()).marks:
        done += counts.minutes + counts.hours + counts.days
        if time.monotonic() >= deadline:
            break
    return done


def _roll(size: int, **how: Any) -> Counts:
    global _size
    began = time.monotonic()
    try:
        counts = _pass(size, **how)
    except OperationalError as error:
        if size == 1 or not isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise
        logger.warning("a pass over %s minutes took too long; fewer next time", size)
        _size = max(1, size // 4)
        return _roll(_size, **how)
    took = time.monotonic() - began
    if took > SLOW:
        _size = max(1, size // 2)
    elif took < QUICK and counts.minutes >= size:
        _size = min(MOST.value, size * 2)
    return counts


def _pass(
    size: int,
    *,
    wait: bool,
    all_: bool,
    low: datetime | None = None,
    high: datetime | None = None,
) -> Counts:
    """A transaction for each grain. What one leaves for the next is in its own."""
    counts = Counts()
    span: dict[str, Any] = {"low": low, "high": high}
    with transaction.atomic(), connection.cursor() as cursor:
        if not marks.take_turn(cursor, wait=wait):
            return counts
        if size == 1:
            # One minute is the least there is: it gets the time it needs.
            cursor.execute("SET LOCAL statement_timeout = '120s'")
        taken, counts.marks = marks.take(cursor, "minute", most=size, **span)
        if taken:
            counts.minutes, counts.missions = _minutes(cursor, taken)
    for grain, step, rest in (("hour", _hours, HOUR_REST), ("day", _days, DAY_REST)):
        with transaction.atomic(), connection.cursor() as cursor:
            if not marks.take_turn(cursor, wait=wait):
                return counts
            due = 0.0 if all_ else rest.value
            taken, seen = marks.take(cursor, grain, most=MOST.value, rest=due, **span)
            counts.marks += seen
            if taken:
                setattr(counts, f"{grain}s", step(cursor, taken))
    return counts


def _minutes(cursor: CursorWrapper, taken: set[Bucket]) -> tuple[int, int]:
    known = days.Known(cursor)
    wanted = {each for each in taken if known.open(each[1])}
    if not wanted:
        return 0, 0
    cursor.execute(statements.NEIGHBOURS, _params(wanted, timedelta(minutes=1)))
    wanted |= {each for each in cursor.fetchall() if known.open(each[1])}
    touched = missions.touched(cursor, _params(wanted, timedelta(minutes=1)))
    hours = {(workspace, hour_of(minute)) for workspace, minute in wanted}
    old = {each for each in hours if known.trimmed(each[1])}
    rebuilt = {
        (workspace, hour + timedelta(minutes=n)) for workspace, hour in old for n in range(60)
    }
    _anew(cursor, MINUTE, statements.MINUTES, wanted | rebuilt, timedelta(minutes=1))
    if old:
        # Their other minutes had been thrown away: the hour is summed up while they are back.
        _anew(cursor, HOUR, statements.HOURS, old, timedelta(hours=1))
        cursor.execute(statements.FORGET[MINUTE], _params(rebuilt, timedelta(minutes=1)))
        marks.mark(cursor, "day", {(workspace, day_of(hour)) for workspace, hour in old})
    marks.mark(cursor, "hour", hours - old)
    counted = missions.recount(cursor, touched, _day_bounds(day for _, day, _ in touched))
    sessions.recompute(cursor, touched)
    return len(wanted), counted


def _hours(cursor: CursorWrapper, taken: set[Bucket]) -> int:
    known = days.Known(cursor)
    # An hour whose minutes went was summed up when it was last changed.
    wanted = {each for each in taken if known.open(each[1]) and not known.trimmed(each[1])}
    if wanted:
        _anew(cursor, HOUR, statements.HOURS, wanted, timedelta(hours=1))
        marks.mark(cursor, "day", {(workspace, day_of(hour)) for workspace, hour in wanted})
    return len(wanted)


def _days(cursor: CursorWrapper, taken: set[Bucket]) -> int:
    known = days.Known(cursor)
    wanted = {each for each in taken if known.open(each[1])}
    if wanted:
        _anew(cursor, DAY, statements.DAYS, wanted, timedelta(days=1))
        hot = missions.hot(cursor, [(workspace, day.date()) for workspace, day in wanted])
        missions.recount(cursor, hot, _day_bounds(day for _, day, _ in hot))
        sessions.recompute(cursor, hot)
    return len(wanted)


def _anew(
    cursor: CursorWrapper, table: str, statement: str, wanted: set[Bucket], step: timedelta
) -> None:
    params = _params(wanted, step)
    cursor.execute("SET LOCAL work_mem = '32MB'")
    cursor.execute(statements.FORGET[table], params)
    cursor.execute(statement, params)


def _params(wanted: set[Bucket], step: timedelta) -> dict[str, Any]:
    buckets = [bucket for _, bucket in wanted]
    return {
        **marks.arrays(wanted),
        "low": min(buckets),
        "high": max(buckets) + step,
        "apart": timedelta(minutes=APART.value),
        "known": sorted(KINDS),
        "most_groups": MOST_GROUPS.value,
        "most_kinds": MOST_UNKNOWN.value,
    }


def _day_bounds(found: Iterable[date]) -> dict[str, Any]:
    ordered = sorted(found) or [date.min]
    low, high = (datetime(d.year, d.month, d.day, tzinfo=UTC) for d in (ordered[0], ordered[-1]))
    return {"low": low, "high": high + timedelta(days=1)}


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    return hour_of(moment).replace(hour=0)
