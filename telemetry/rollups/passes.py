"""One pass of the roller, and how much one does at a time."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
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
COARSE = define(
    "telemetry.roll_hours",
    12,
    unit="hours",
    why="an hour is made of sixty minutes, a day of its hours: hundreds of them at once, as after"
    " an outage, would outlast the time a statement has",
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
    """What a pass did. `marks` zero: nothing was due but missions, or another roller is at work."""

    marks: int = 0
    minutes: int = 0
    hours: int = 0
    days: int = 0
    missions: int = 0

    def add(self, other: Counts) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def roll(limit: int | None = None, until: datetime | None = None) -> Counts:
    """Work off what is due: so many minutes at most, then hours and days. Of minutes only those
    marked until then."""
    return _roll(limit or _size, wait=False, all_=False, until=until, low=None, high=None)


def settle(low: datetime | None = None, high: datetime | None = None) -> Counts:
    """Work off everything that waits, due or not, or all of a span of whole days. Nobody waits for
    a single pass of it, so on a slow machine each takes longer and none does less: month after
    month minute by minute would never end."""
    done = Counts()
    while (counts := _roll(_size, wait=True, all_=True, low=low, high=high)).marks:
        done.add(counts)
    return done


def work(deadline: float) -> int:
    """For the engine: passes over what waits now, until nothing is due or `deadline` (of
    time.monotonic) has come. Events that come meanwhile are for the next turn: else under traffic
    the minute that runs would be summed up without end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now = cursor.fetchone()[0]
    done = 0
    while True:
        counts = roll(until=now)
        done += counts.minutes + counts.hours + counts.days + counts.missions
        if not counts.marks or time.monotonic() >= deadline:
            return done


def _roll(
    size: int, *, wait: bool, all_: bool, until: datetime | None = None, **span: Any
) -> Counts:
    """A transaction for each step. What one leaves for the next is in its own."""
    counts = Counts()
    if not _first(size, counts, wait=wait, patient=all_, until=until, **span):
        return counts
    if all_ and counts.marks:
        # Whoever settles works off all minutes before the first hour, and hours before days: else
        # each pass would sum up the same hour and day again.
        return counts
    for grain, step, rest in (("hour", _hours, HOUR_REST), ("day", _days, DAY_REST)):
        with transaction.atomic(), connection.cursor() as cursor:
            if not marks.take_turn(cursor, wait=wait):
                return counts
            if all_:
                _patiently(cursor)
            due = 0.0 if all_ else rest.value
            taken, seen = marks.take(cursor, grain, most=COARSE.value, rest=due, **span)
            counts.marks += seen
            if taken:
                setattr(counts, f"{grain}s", step(cursor, taken))
        if all_ and counts.marks:
            return counts
    with transaction.atomic(), connection.cursor() as cursor:
        if marks.take_turn(cursor, wait=wait):
            _missions(cursor, counts, all_=all_, **span)
    return counts


def _patiently(cursor: CursorWrapper) -> None:
    cursor.execute("SET LOCAL statement_timeout = '120s'")


def _first(size: int, counts: Counts, *, wait: bool, patient: bool, **span: Any) -> bool:
    """Minutes, fewer at a time when they are slow. False: another roller is at work."""
    global _size
    began = time.monotonic()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if not marks.take_turn(cursor, wait=wait):
                return False
            if patient or size == 1:
                # One minute is the least there is: it gets the time it needs.
                _patiently(cursor)
            taken, counts.marks = marks.take(cursor, "minute", most=size, **span)
            if taken:
                counts.minutes = _minutes(cursor, taken)
    except OperationalError as error:
        if size == 1 or not isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise
        logger.warning("a pass over %s minutes took too long; fewer next time", size)
        _size = max(1, size // 4)
        return _first(_size, counts, wait=wait, patient=patient, **span)
    took = time.monotonic() - began
    if took > SLOW and not patient:
        _size = max(1, size // 2)
    elif took < QUICK and counts.minutes >= size:
        _size = min(MOST.value, size * 2)
    return True


def _missions(cursor: CursorWrapper, counts: Counts, *, all_: bool, **span: Any) -> None:
    # The least it can do is one mission, which may be as large as a day.
    _patiently(cursor)
    taken = missions.take(cursor, all_=all_, **span)
    known = days.Known(cursor)
    touched = [each for each in taken if known.open_day(each[1])]
    if all_:
        # Else those that are left wait for the next turn: a thousand missions at work have more
        # events of today than may be read every few seconds.
        counts.marks += len(taken)
    counts.missions = missions.recount(cursor, touched)
    sessions.recompute(cursor, touched)


def _minutes(cursor: CursorWrapper, taken: set[Bucket]) -> int:
    known = days.Known(cursor)
    wanted = {each for each in taken if known.open(each[1])}
    if not wanted:
        return 0
    cursor.execute(statements.NEIGHBOURS, _params(wanted, timedelta(minutes=1)))
    wanted |= {each for each in cursor.fetchall() if known.open(each[1])}
    missions.note(cursor, _params(wanted, timedelta(minutes=1)))
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
    return len(wanted)


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


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    return hour_of(moment).replace(hour=0)
