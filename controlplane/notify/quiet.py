"""When a person may be mailed: pure arithmetic on local wall-clock time."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


def quiet_until(
    at: datetime, *, starts: time, ends: time, weekends: bool, zone: str
) -> datetime | None:
    """The end of the quiet stretch that `at` lies in, or None when it lies in none.

    Works on local dates, so that a stretch over midnight or over a change of the clocks begins
    and ends when the person's clock says so.
    """
    local = at.astimezone(ZoneInfo(zone))
    end = _stretch_end(local, starts, ends)
    if weekends and end is None and local.weekday() >= 5:
        end = local
    if end is None:
        return None
    if weekends:
        end = _past_weekend(end, starts, ends)
    # Through UTC and back, so that a wall time the clocks skip becomes one that exists. In the
    # hour that comes twice the end may have passed already: then it is quiet no longer.
    ends_at = end.astimezone(ZoneInfo("UTC"))
    return ends_at if ends_at > at else None


def _stretch_end(local: datetime, starts: time, ends: time) -> datetime | None:
    now = local.time()
    today_end = local.replace(hour=ends.hour, minute=ends.minute, second=0, microsecond=0, fold=0)
    if starts < ends:
        return today_end if starts <= now < ends else None
    if now >= starts:
        return today_end + timedelta(days=1)
    return today_end if now < ends else None


def _past_weekend(end: datetime, starts: time, ends: time) -> datetime:
    """Move an end that falls into the weekend to Monday: to midnight, or to the end of Monday's
    own morning stretch."""
    if end.weekday() < 5:
        return end
    monday = (end + timedelta(days=7 - end.weekday())).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    return _stretch_end(monday, starts, ends) or monday
