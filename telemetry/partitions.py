"""Which days are open for events."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

from controlplane.lib import clock
from telemetry.models import Partition

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
    today = clock.now().date()
    days = Partition.objects.filter(state=Partition.State.OPEN, day__lte=today)
    first: date | None = None
    for day in days.order_by("-day").values_list("day", flat=True).iterator():
        if first is not None and (first - day).days != 1:
            break
        first = day
    start = first or date.max
    return datetime(start.year, start.month, start.day, tzinfo=UTC)
