"""Which days are open for events, as every process remembers it for a while."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

from controlplane.lib import clock
from controlplane.lib.errors import Unavailable
from telemetry.partitions import opening, tables

EVERY = 30.0
_oldest: datetime | None = None
_looked_at = 0.0


def oldest_open() -> datetime:
    """The first moment that still has a table, without a gap up to now. Looked up at most every
    half minute: a day that closes meanwhile is found by the COPY that fails."""
    global _oldest, _looked_at
    now = time.monotonic()
    if _oldest is None or now - _looked_at >= EVERY:
        _oldest, _looked_at = _first_day(), now
    return _oldest


def look_again() -> None:
    global _oldest
    _oldest = None


def _first_day() -> datetime:
    # Clocks may be ahead: shortly before midnight tomorrow is needed as well.
    today = clock.now().date()
    needed = {today, (clock.now() + timedelta(hours=1)).date()}
    days = tables.open_days()
    if not needed <= days:
        # Nobody opened days for more than a week, or somebody dropped one.
        opening.ensure()
        days = tables.open_days()
    if today not in days:
        raise Unavailable("Today's table of events is missing. Send it again.", retry_after=30)
    first = today
    while (before := first - timedelta(days=1)) in days:
        first = before
    return beginning(first)


def beginning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
