"""From what a clock on the wall says to an instant.

People hand over at nine o'clock, not every 168 hours: a rota counts local days and hours and
becomes UTC last. Twice a year that has no answer or two. A time the clocks skip is the instant
they skip it; of one that comes twice a hand-over takes the first, and a stretch that ends then
ends at the last, so that nothing is left uncovered. The order of wall times stays the order of
instants, so no shift ends before it begins.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def instant(local: datetime, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """The instant of a naive local time."""
    at = local.replace(tzinfo=zone, fold=1 if last else 0).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == local:
        return at
    return _skipped(local, zone)


def local_of(at: datetime, zone: ZoneInfo) -> datetime:
    """What the wall shows, naive."""
    return at.astimezone(zone).replace(tzinfo=None)


def _skipped(local: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks were put forward over this time: by halving, for zones say only how far
    they are from UTC at an instant, not when that changes."""
    one, other = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    before, after = min(one, other), max(one, other)
    offset = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle <= before:
            break
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
