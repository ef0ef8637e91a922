"""When something repeats: a plain interval, or a five-field cron line in a time zone.

Pure. Cron lines are read on the wall clock of their zone, day by day, so that across a change of
daylight saving a daily line still runs once each day: a time the clock skips runs when the clock
arrives on the other side, a time that happens twice runs the first time. Use an interval, not an
hourly cron line, for what must run every hour of the absolute clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from controlplane.lib.errors import Invalid

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_NAMES = {
    "weekday": {n: i for i, n in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))},
    "month": {
        n: i
        for i, n in enumerate(
            ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
        )
    },
}
_HORIZON_DAYS = 366 * 9  # 29 February on a given weekday can be that far away


@dataclass(frozen=True)
class Every:
    """A fixed interval, counted from the old due time: no drift."""

    interval: timedelta

    def __post_init__(self) -> None:
        if self.interval < timedelta(seconds=1):
            raise Invalid("an interval is at least one second")

    def after(self, due: datetime, now: datetime) -> datetime:
        """The next due time later than `now`, in step with `due`; missed steps are skipped."""
        if due > now:
            return due
        return due + self.interval * ((now - due) // self.interval + 1)

    @property
    def longest_gap(self) -> timedelta:
        return self.interval

    def __str__(self) -> str:
        return f"every {self.interval}"


@dataclass(frozen=True)
class Cron:
    """`minute hour day-of-month month day-of-week`, or just `HH:MM` for daily."""

    line: str
    zone: str = "UTC"
    _parsed: tuple[frozenset[int], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_parsed", _parse(self.line))
        ZoneInfo(self.zone)

    def after(self, due: datetime, now: datetime) -> datetime:
        zone = ZoneInfo(self.zone)
        day = now.astimezone(zone).date() - timedelta(days=1)
        for _ in range(_HORIZON_DAYS):
            if self._matches(day):
                moments = [self._moment(day, hour, minute, zone) for hour, minute in self._times]
                later = [moment for moment in moments if moment > now]
                if later:
                    return min(later)
            day += timedelta(days=1)
        raise Invalid(f"cron line {self.line!r} never comes due")

    @cached_property
    def _times(self) -> list[tuple[int, int]]:
        minutes, hours = self._parsed[0], self._parsed[1]
        return [(hour, minute) for hour in sorted(hours) for minute in sorted(minutes)]

    def _matches(self, day: date) -> bool:
        _, _, days, months, weekdays = self._parsed
        if day.month not in months:
            return False
        by_day, by_weekday = day.day in days, day.isoweekday() % 7 in weekdays
        if len(days) < 31 and len(weekdays) < 7:
            return by_day or by_weekday  # cron's own rule when both are given
        return by_day and by_weekday

    @staticmethod
    def _moment(day: date, hour: int, minute: int, zone: ZoneInfo) -> datetime:
        # fold=0 reads a doubled time as its first pass; a skipped time is read with the offset
        # before the change, which lands exactly as far behind the gap.
        return datetime.combine(day, time(hour, minute), zone).astimezone(UTC)

    @cached_property
    def longest_gap(self) -> timedelta:
        """The longest stretch without a due time: what silence is measured by. Counted on the
        calendar alone; an hour of daylight saving more or less is no matter here."""
        minutes = [hour * 60 + minute for hour, minute in self._times]
        within = max((later - earlier for earlier, later in pairwise(minutes)), default=0)
        nights = self._longest_days_apart()
        return timedelta(minutes=max(within, nights * 1440 - minutes[-1] + minutes[0]))

    def _longest_days_apart(self) -> int:
        if all(
            len(values) >= full for values, full in zip(self._parsed[2:], (31, 12, 7), strict=True)
        ):
            return 1
        first_day, horizon = date(2027, 1, 1), 1_500  # a leap day is at most 1,461 away
        days = [n for n in range(horizon) if self._matches(first_day + timedelta(days=n))]
        return max((later - earlier for earlier, later in pairwise(days)), default=horizon)

    def __str__(self) -> str:
        return f"{self.line} {self.zone}"


Schedule = Every | Cron


def _parse(line: str) -> tuple[frozenset[int], ...]:
    parts = line.lower().split()
    if len(parts) == 1 and ":" in parts[0]:
        hour, _, minute = parts[0].partition(":")
        parts = [minute, hour, "*", "*", "*"]
    if len(parts) != 5:
        raise Invalid(f"cron line {line!r} needs five fields")
    values = [
        _values(text, name, low, high)
        for text, (name, low, high) in zip(parts, _FIELDS, strict=True)
    ]
    values[4] = frozenset(day % 7 for day in values[4])
    return tuple(values)


def _values(text: str, name: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        body, _, step_text = part.partition("/")
        step = _number(step_text, name) if step_text else 1
        if body == "*":
            first, last = low, high
        elif "-" in body:
            left, _, right = body.partition("-")
            first, last = _number(left, name), _number(right, name)
        else:
            first = _number(body, name)
            last = high if step_text else first
        if step < 1 or not low <= first <= last <= high:
            raise Invalid(f"cron {name} {part!r} is out of range")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, name: str) -> int:
    known = _NAMES.get(name, {})
    if text in known:
        return known[text]
    if not text.isascii() or not text.isdigit():
        raise Invalid(f"cron {name} {text!r} is not a number")
    return int(text)
