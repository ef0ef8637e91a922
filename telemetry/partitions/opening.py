"""Opening days. The function in the database does it with its owner's rights, so that ingest can
help itself when nothing else has run for a week."""

from __future__ import annotations

import logging
from datetime import date, timedelta

from django.db import connection, transaction

from controlplane.lib import clock
from controlplane.lib.defaults import define
from telemetry.models import Partition, RollupDay, RollupHour, RollupMinute
from telemetry.partitions import tables

logger = logging.getLogger(__name__)

AHEAD = define(
    "telemetry.days_ahead",
    8,
    unit="days",
    why="tables are made before they are needed: a week may pass without anybody to make one",
)
FEW_AHEAD = define("telemetry.few_days_ahead", 3, unit="days", why="fewer than these are an alarm")
MOST_BACK = 400  # days: as far as the function in the database opens any


def ensure() -> list[date]:
    """Open each day that is missing, from the oldest that is still open to eight days ahead.
    Answers the new ones. Safe to call from anywhere, twice and at once."""
    today = clock.now().date()
    noted = dict(Partition.objects.values_list("day", "state"))
    there = tables.attached()
    opened = []
    day = _first(noted, today)
    while day <= today + timedelta(days=AHEAD.value):
        if day not in there and noted.get(day, Partition.State.OPEN) == Partition.State.OPEN:
            if day in noted and day < today and _was_used(day):
                _note_gone(day)
            elif _open(day):
                opened.append(day)
        day += timedelta(days=1)
    return opened


def days_ahead() -> int:
    """How many days after today follow without a gap."""
    days = tables.open_days()
    today = clock.now().date()
    ahead = 0
    while today + timedelta(days=ahead + 1) in days:
        ahead += 1
    return ahead


def _first(noted: dict[date, str], today: date) -> date:
    still = [day for day, state in noted.items() if state == Partition.State.OPEN]
    if not still:
        # All are closed, or nothing is known: what was closed stays closed.
        return max([day + timedelta(days=1) for day in noted if day < today], default=today)
    return max(min(still), today - timedelta(days=MOST_BACK))


def _open(day: date) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT telemetry_open_day(%s)", [day])
        return bool(cursor.fetchone()[0])


def _was_used(day: date) -> bool:
    """Whether something was summed up of it. Then an empty table in its place would make these
    sums wrong with the first event that comes late."""
    low, high = day, day + timedelta(days=1)
    return any(
        rollup.objects.filter(bucket__gte=_moment(low), bucket__lt=_moment(high)).exists()
        for rollup in (RollupMinute, RollupHour, RollupDay)
    )


def _moment(day: date) -> str:
    return f"{day:%Y-%m-%d}T00:00:00+00:00"


def _note_gone(day: date) -> None:
    """Somebody dropped it by hand: its sums are all that is left."""
    logger.error("the table of the events of %s is gone; its rollups stay as they are", day)
    now = clock.now()
    Partition.objects.filter(day=day, state=Partition.State.OPEN).update(
        state=Partition.State.DROPPED, sealed_at=now, dropped_at=now
    )
