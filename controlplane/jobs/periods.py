"""Periods of recurring obligations: days, ISO weeks, fortnights, months, quarters, years. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_FORTNIGHTS_FROM = date(2024, 1, 1)  # a Monday; fortnights are counted from it
_MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}


@dataclass(frozen=True, slots=True)
class Period:
    name: str
    first: date
    end: date  # the day after the last

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Local midnight to local midnight, as instants: 23 or 25 hours of a day count too."""
        return _midnight(self.first, zone), _midnight(self.end, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def containing(cadence: str, day: date) -> Period:
    """The period of this cadence that `day` lies in."""
    if cadence == "daily":
        return Period(day.isoformat(), day, day + timedelta(days=1))
    if cadence == "weekly":
        return _week(day, 7)
    if cadence == "biweekly":
        past = (day - _FORTNIGHTS_FROM).days % 14
        return _week(day - timedelta(days=past), 14)
    return _months(cadence, day)


def _week(day: date, length: int) -> Period:
    monday = day - timedelta(days=day.weekday())
    year, week, _ = monday.isocalendar()
    return Period(f"{year}-W{week:02}", monday, monday + timedelta(days=length))


def _months(cadence: str, day: date) -> Period:
    length = _MONTHS[cadence]
    month = (day.month - 1) // length * length + 1
    first = date(day.year, month, 1)
    after = month - 1 + length
    end = date(day.year + after // 12, after % 12 + 1, 1)
    name = {
        "monthly": f"{day.year}-{month:02}",
        "quarterly": f"{day.year}-Q{(month + 2) // 3}",
        "yearly": str(day.year),
    }[cadence]
    return Period(name, first, end)


def periods_between(cadence: str, first: date, last: date) -> list[Period]:
    """Every period from the one `first` lies in to the one `last` lies in, oldest first."""
    periods = [containing(cadence, first)]
    while periods[-1].end <= last:
        periods.append(containing(cadence, periods[-1].end))
    return periods
