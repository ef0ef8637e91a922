"""Times as people read them: "4 min ago", "due in 12 min", the exact time one hover away.

Correct without script: the words are worked out here. The attributes `data-when`,
`data-countdown` and `data-warn-at` let the page's script keep them true while it is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo

from controlplane.lib import clock, defaults

WARN_MINUTES = defaults.define(
    "console.countdown_warn_minutes",
    15,
    unit="minutes",
    why="time enough to act; a deadline turns amber this long before it is due",
)
MINUTE, HOUR, DAY = 60, 3600, 86_400
# Beyond this a date says more than a number of days.
RELATIVE_DAYS = 30
# What the portal itself does at a time: late rather than overdue, and before it no pressure.
RUNS = "runs"

Pressure = Literal["calm", "warn", "due", "met", "missed"]


def as_time(value: Any) -> datetime | None:
    """A datetime in UTC from what pages hold: datetimes, dates, ISO text of JSON fields."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        return None
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:  # the year 1 and the year 9999, somewhere else
        return value.replace(tzinfo=UTC)


def span(seconds: float) -> str:
    """A length of time in its largest unit: "40 s", "12 min", "3 h", "2 days"."""
    seconds = abs(seconds)
    if seconds < MINUTE:
        return f"{int(seconds)} s"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min"
    if seconds < DAY:
        return f"{int(seconds // HOUR)} h"
    days = int(seconds // DAY)
    return "1 day" if days == 1 else f"{days:,} days"


def ahead(seconds: float) -> str:
    """How long until something. What was given 90 days a moment ago has 90 days left, not 89: days
    and minutes are rounded. Hours are whole ones, for a deadline must not look later than it is."""
    if seconds < MINUTE - 1:
        return span(seconds)
    unit = MINUTE if seconds < DAY - MINUTE / 2 else DAY
    return span(int(seconds / unit + 0.5) * unit)


def length(seconds: float) -> str:
    """A length of time in its two largest units: "2 h 10 min". Under a second, milliseconds."""
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    if seconds == 0:
        return "0 s"
    if seconds < 1:
        return f"{sign}{max(1, round(seconds * 1000))} ms"
    if seconds < 10 and seconds != int(seconds):
        return f"{sign}{seconds:.1f} s"
    whole = round(seconds)
    for unit, name, below, below_name in _STEPS:
        if whole >= unit:
            rest = whole % unit // below
            return f"{sign}{whole // unit:,} {name}" + (f" {rest} {below_name}" if rest else "")
    return f"{sign}{whole} s"


_STEPS = (
    (DAY, "d", HOUR, "h"),
    (HOUR, "h", MINUTE, "min"),
    (MINUTE, "min", 1, "s"),
)


def relative(then: datetime, now: datetime) -> str:
    seconds = (now - then).total_seconds()
    if abs(seconds) >= RELATIVE_DAYS * DAY:
        return f"{then.day} {then:%b} {then.year}"
    if abs(seconds) < 1:
        return "just now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {ahead(-seconds)}"


def exact(then: datetime, zone: tzinfo) -> str:
    """ "2026-11-21 14:05:33 UTC · 15:05 Europe/Madrid"; the date again where it differs."""
    text = f"{then:%Y-%m-%d %H:%M:%S} UTC"
    name = str(zone)
    if name == "UTC":
        return text
    try:
        local = then.astimezone(zone)
    except OverflowError:
        return text
    same_day = local.date() == then.date()
    return f"{text} · {local:{'%H:%M' if same_day else '%Y-%m-%d %H:%M'}} {name}"


def minute(then: datetime, zone: tzinfo) -> str:
    """ "2026-11-21 15:05 (14:05 UTC)" by the reader's clock; the day again where it differs."""
    text = f"{then:%Y-%m-%d %H:%M} UTC"
    try:
        local = then.astimezone(zone)
    except OverflowError:
        return text
    if not local.utcoffset():
        return text
    same_day = local.date() == then.date()
    return f"{local:%Y-%m-%d %H:%M} ({then:{'%H:%M' if same_day else '%Y-%m-%d %H:%M'}} UTC)"


def zone_of(name: Any) -> tzinfo:
    """The zone of this name; UTC for what is none, for a page must not fail over a setting."""
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError, TypeError):
        return UTC


@dataclass(frozen=True, slots=True)
class Countdown:
    text: str
    pressure: Pressure
    due: datetime
    warn_at: datetime
    title: str
    stopped: bool = False


def countdown(
    due: datetime,
    *,
    zone: tzinfo = UTC,
    warn: float | None = None,
    start: datetime | None = None,
    share: float = 0.25,
    done: datetime | None = None,
    verb: str = "due",
) -> Countdown:
    """How long is left, and how pressing that is.

    Amber from `warn` minutes before; with `start`, from the last `share` of the whole time, so
    that a day's deadline warns hours and a quarter of an hour's warns minutes before. With
    `done` the clock has stopped and says whether it was in time.
    """
    warn_at = _warn_at(due, warn, start, share)
    title = exact(due, zone)
    if done is not None:
        late = (done - due).total_seconds()
        met = late <= 0
        text = f"met, {span(late)} to spare" if met else f"missed by {span(late)}"
        return Countdown(text, "met" if met else "missed", due, warn_at, title, stopped=True)
    now = clock.now()
    left = (due - now).total_seconds()
    if verb == RUNS and left > -MINUTE:  # nobody has to act before, and a minute is no delay
        text = f"{verb} in {ahead(left)}" if left > 0 else f"{verb} now"
        return Countdown(text, "calm", due, due + timedelta(seconds=MINUTE), title)
    if left <= 0:
        word = "late by" if verb == RUNS else "overdue"
        text = f"{verb} now" if left > -MINUTE else f"{word} {span(left)}"
        return Countdown(text, "due", due, warn_at, title)
    return Countdown(
        f"{verb} in {ahead(left)}", "warn" if now >= warn_at else "calm", due, warn_at, title
    )


def _warn_at(due: datetime, warn: float | None, start: datetime | None, share: float) -> datetime:
    try:
        if warn is None and start is not None and start < due:
            return due - (due - start) * min(max(share, 0.0), 1.0)
        return due - timedelta(minutes=WARN_MINUTES.value if warn is None else warn)
    except OverflowError:
        return due
