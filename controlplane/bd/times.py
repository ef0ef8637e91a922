"""Moments as people type them, made exact in the time zone of whoever types."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from controlplane.bd.errors import BadOption

_AHEAD = re.compile(r"([+-]?)(\d{1,5})\s*(mo|min|[mhdwy])")
_WORDS = re.compile(r"(?:in\s+)?(\d{1,5})\s+(minute|hour|day|week|month|year)s?(\s+ago)?")
_CLOCK = re.compile(r"(.+?)\s+(?:at\s+)?(\d{1,2})(?::(\d{2}))?\s*(am|pm)?")
_UNITS = {
    "min": "minutes", "minute": "minutes", "h": "hours", "hour": "hours", "d": "days",
    "day": "days", "w": "weeks", "week": "weeks",
}  # fmt: skip
_MONTHS = {"m": 1, "mo": 1, "month": 1, "y": 12, "year": 12}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def exact(text: str, *, flag: str, now: datetime | None = None) -> str:
    """RFC 3339 in UTC. An empty text stays empty: it clears."""
    wanted = " ".join(text.lower().split())
    if not wanted:
        return ""
    here = (now or datetime.now(UTC)).astimezone(now.tzinfo if now else None)
    try:
        found = _written(text.strip(), here) or _relative(wanted, here) or _named(wanted, here)
        if found is None:
            raise ValueError("no form of a time")
        return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError):  # it is none, or lies beyond the years there are
        raise BadOption(
            f'invalid --{flag} format "{text[:60]}": for example +6h, tomorrow, next monday, '
            "2026-01-15 or 2026-01-15T10:00:00Z"
        ) from None


def _written(text: str, here: datetime) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _local(found, here)


def _local(found: datetime, here: datetime) -> datetime:
    """A day and hour of this time zone, by its rules on that very day."""
    if found.tzinfo is not None:
        return found
    # A bare offset is what this machine's zone has just now; on that day it may be another.
    named = here.tzinfo is not None and here.tzinfo.tzname(None) is None
    return found.replace(tzinfo=here.tzinfo) if named else found.astimezone()


def _relative(text: str, here: datetime) -> datetime | None:
    found = _AHEAD.fullmatch(text)
    if found:
        sign, number, unit = found.groups()
        return _moved(here, -int(number) if sign == "-" else int(number), unit)
    found = _WORDS.fullmatch(text)
    if found:
        number, unit, ago = found.groups()
        return _moved(here, -int(number) if ago else int(number), unit)
    return None


def _moved(here: datetime, number: int, unit: str) -> datetime:
    if unit in _UNITS:
        return here + timedelta(**{_UNITS[unit]: number})
    months = here.year * 12 + here.month - 1 + number * _MONTHS[unit]
    year, month = divmod(months, 12)
    day = here.day
    while True:
        try:
            return here.replace(year=year, month=month + 1, day=day)
        except ValueError:
            day -= 1  # 31 January and a month is the last of February
            if day < 28:
                raise


def _named(text: str, here: datetime) -> datetime | None:
    if text == "now":
        return here
    day = _day(text, here)
    if day is not None:
        return _at(day, 0, 0, here)
    clocked = _CLOCK.fullmatch(text)
    if not clocked:
        return None
    day = _day(clocked[1], here)
    if day is None or (clocked[3] is None and clocked[4] is None):
        return None
    hour = int(clocked[2])
    if clocked[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if clocked[4] == "pm" else 0)
    return _at(day, hour, int(clocked[3] or 0), here)


def _at(day: datetime, hour: int, minute: int, here: datetime) -> datetime:
    return _local(datetime(day.year, day.month, day.day, hour, minute), here)  # noqa: DTZ001


def _day(text: str, here: datetime) -> datetime | None:
    near = {"today": 0, "tomorrow": 1, "yesterday": -1, "next week": 7, "last week": -7}
    if text in near:
        return here + timedelta(days=near[text])
    if text in ("next month", "last month"):
        return _moved(here, 1 if text.startswith("next") else -1, "month")
    name = text.removeprefix("next ").removeprefix("on ")
    if name in _DAYS:
        ahead = (_DAYS.index(name) - here.weekday() - 1) % 7 + 1
        return here + timedelta(days=ahead)
    return None
