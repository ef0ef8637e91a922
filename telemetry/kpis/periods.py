"""The stretches a key figure is told for: weeks from Monday, pairs of weeks, months. In UTC, so
that rows of different workspaces can be laid beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

WEEK = timedelta(days=7)
# A Monday that the pairs of weeks are counted from.
_FIRST = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    start: datetime
    end: datetime

    def over(self, now: datetime) -> bool:
        return self.end <= now


def period_of(cadence: timedelta, moment: datetime) -> Period:
    """The one that contains this moment."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if cadence <= timedelta(days=1):
        return Period(day, day + timedelta(days=1))
    if cadence <= 2 * WEEK:
        length = WEEK if cadence <= WEEK else 2 * WEEK
        start = _FIRST + (day - _FIRST) // length * length
        return Period(start, start + length)
    start = day.replace(day=1)
    return Period(start, (start + timedelta(days=32)).replace(day=1))


def before(cadence: timedelta, period: Period) -> Period:
    return period_of(cadence, period.start - timedelta(seconds=1))
