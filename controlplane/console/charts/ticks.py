"""Where axes are marked: 1-2-5 for numbers, calendar boundaries for times."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

from controlplane.console.charts.units import moment

_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
_LONG = (3600, 7200, 10800, 21600, 43200, 86400)
_MONTHS = (1, 2, 3, 6)
DAY = 86400.0
MOST = 40


def nice_step(rough: float) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that is not below `rough`."""
    if rough <= 0 or not math.isfinite(rough):
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(rough))
    if power == 0.0:
        return 1.0
    for factor in (1.0, 2.0, 5.0):
        if factor * power >= rough * (1 - 1e-9):
            return factor * power
    return 10.0 * power


def _step(rough: float, unit: str) -> float:
    if unit == "bytes" and rough >= 512:
        size = 1024.0 ** math.floor(math.log(rough, 1024))
        step = nice_step(rough / size)
        # 1000 KiB is no round number: the next unit's one is.
        return step * size if step <= 500 else size * 1024.0
    scale = 1000.0 if unit == "ms" else 1.0
    if unit in {"s", "ms"} and 1.0 < rough / scale <= DAY:
        return next(float(step) for step in (*_SECONDS, *_LONG) if step >= rough / scale) * scale
    if unit in {"s", "ms"} and rough / scale > DAY:
        return nice_step(rough / scale / DAY) * DAY * scale
    return nice_step(rough)


def nice(low: float, high: float, count: int = 4, unit: str = "") -> list[float]:
    """Ticks that reach from below `low` to above `high`: strictly rising, at least two."""
    if high < low:
        low, high = high, low
    if high - low <= max(abs(low), abs(high)) * 1e-9:
        # All values alike, or so near that steps would drown in the float's last digit.
        pad = abs(high) * 0.1 or 0.5
        low, high = low - pad, high + pad
    step = _step((high - low) / max(1, count), unit)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [index * step for index in range(first, min(last, first + MOST) + 1)]
    if len(ticks) < 2 or any(b <= a for a, b in pairwise(ticks)):
        return [low, high]
    return ticks


def decades(low: float, high: float) -> list[float]:
    """Ticks of a logarithmic axis within [low, high]."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    every = max(1, (last - first) // 8)
    found = [
        factor * 10.0**power
        for power in range(first, last + 1)
        if (power - first) % every == 0
        for factor in factors
    ]
    return [tick for tick in found if low <= tick <= high]


# --- Time -------------------------------------------------------------------------------------


def time_ticks(start: float, end: float, tz: tzinfo, count: int = 7) -> list[tuple[float, str]]:
    """(epoch, label) on the hours, days, Mondays, months and years of the zone.

    Steps are walked on the wall clock: over a change of summer time the marks stay on 06:00 and
    12:00, where steps of a fixed number of seconds would move to 07:00.
    """
    if moment(start, tz) is None or moment(end, tz) is None or end <= start:
        return []
    rough = (end - start) / max(1, count)
    found: list[tuple[float, str]] = []
    for local, label in _walk(start, rough, tz):
        epoch = _epoch(local, tz)
        if epoch is None or epoch > end or len(found) >= MOST:
            break
        # A wall-clock time that summer time skips lands on the hour after: once is enough.
        if epoch >= start and (not found or epoch > found[-1][0]):
            found.append((epoch, label))
    return found


def _walk(start: float, rough: float, tz: tzinfo) -> Iterator[tuple[datetime, str]]:
    local = moment(start, tz)
    assert local is not None
    base = local.replace(tzinfo=None)
    if rough <= 12 * 3600:
        return _clock_steps(base, rough)
    if rough <= 7 * DAY:
        return _day_steps(base, 1 if rough <= DAY else 2 if rough <= 2 * DAY else 7)
    months = rough / (30.4 * DAY)
    if months <= 6:
        return _month_steps(base, next(step for step in _MONTHS if months <= step))
    return _month_steps(base, 12 * max(1, round(nice_step(months / 12))))


def _clock_steps(base: datetime, rough: float) -> Iterator[tuple[datetime, str]]:
    step = next(step for step in (*_SECONDS, *_LONG) if step >= rough)
    at = base.replace(hour=0, minute=0, second=0, microsecond=0)
    at += timedelta(seconds=((base - at).total_seconds() // step) * step)
    while True:
        midnight = at.hour == at.minute == at.second == 0
        text = f"{at:%H:%M:%S}" if step < 60 else f"{at:%H:%M}"
        yield at, f"{at:%a} {at.day} {at:%b}" if midnight else text
        before = at
        at += timedelta(seconds=step)
        if at.date() != before.date():  # steps start anew at midnight
            at = at.replace(hour=0, minute=0, second=0)


def _day_steps(base: datetime, days: int) -> Iterator[tuple[datetime, str]]:
    at = base.replace(hour=0, minute=0, second=0, microsecond=0)
    if days == 7:
        at -= timedelta(days=at.weekday())
    elif days == 2:
        at -= timedelta(days=at.toordinal() % 2)
    while True:
        yield at, f"{at.day} {at:%b}" if days == 7 else f"{at:%a} {at.day} {at:%b}"
        at += timedelta(days=days)


def _month_steps(base: datetime, months: int) -> Iterator[tuple[datetime, str]]:
    index = (base.year * 12 + base.month - 1) // months * months
    while 12 <= index < 9999 * 12:
        at = datetime(index // 12, index % 12 + 1, 1)  # noqa: DTZ001 - a wall clock
        yield at, f"{at.year}" if at.month == 1 else f"{at:%b}"
        index += months


def _epoch(local: datetime, tz: tzinfo) -> float | None:
    try:
        return local.replace(tzinfo=tz).astimezone(UTC).timestamp()
    except (OverflowError, ValueError):
        return None
