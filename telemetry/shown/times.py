"""Time ranges as they stand in an address: `range=24h`, or `from` and `to`.

What can't be read never fails a page: the default is shown and the page says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from controlplane.lib import clock

LENGTHS: dict[str, tuple[str, timedelta]] = {
    "1h": ("last hour", timedelta(hours=1)),
    "6h": ("last 6 h", timedelta(hours=6)),
    "24h": ("last 24 h", timedelta(hours=24)),
    "7d": ("last 7 days", timedelta(days=7)),
    "30d": ("last 30 days", timedelta(days=30)),
}
USUAL = "24h"
CUSTOM = "custom"
LONGEST = timedelta(days=400)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Range:
    """Half open. `wrong` says what of the address could not be read."""

    name: str
    start: datetime
    end: datetime
    wrong: str = ""

    @property
    def words(self) -> str:
        if self.name in LENGTHS:
            return LENGTHS[self.name][0]
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def before(self) -> Range:
        """The period of the same length just before."""
        return replace(self, name=CUSTOM, start=self.start - self.length, end=self.start)

    def query(self) -> dict[str, str]:
        if self.name in LENGTHS:
            return {"range": self.name}
        return self.fixed()

    def fixed(self) -> dict[str, str]:
        """The same moments, whenever it is opened."""
        return {"from": stamp(self.start), "to": stamp(self.end)}


def read(query: Mapping[str, str], usual: str = USUAL) -> Range:
    """The range an address asks for. Whole minutes: buckets are no finer, and a page that is
    looked at twice within one reads the same."""
    now = clock.now().replace(second=0, microsecond=0)
    asked = str(query.get("range", "")).strip()
    if query.get("from") or query.get("to"):
        return _between(query, now, usual)
    if asked and asked not in LENGTHS:
        return _last(usual, now, "That time range is not known.")
    return _last(asked or usual, now)


def _between(query: Mapping[str, str], now: datetime, usual: str) -> Range:
    start, end = moment(query.get("from", "")), moment(query.get("to", ""))
    if (query.get("from") and start is None) or (query.get("to") and end is None):
        return _last(usual, now, "Those times can't be read.")
    end = end or now
    start = start or end - LENGTHS[usual][1]
    if start >= end:
        return _last(usual, now, "That time range ends before it begins.")
    if end - start > LONGEST:
        words = f"That is longer than {LONGEST.days} days."
        return Range(CUSTOM, end - LONGEST, end, words)
    return Range(CUSTOM, start, max(end, start + _MINUTE))


def _last(name: str, now: datetime, wrong: str = "") -> Range:
    return Range(name, now - LENGTHS[name][1], now, wrong)


def moment(text: str) -> datetime | None:
    """ISO 8601; what says no zone is UTC. None for whatever else."""
    try:
        read = datetime.fromisoformat(str(text).strip()[:40])
        at = read if read.tzinfo else read.replace(tzinfo=UTC)
        at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if 1990 <= at.year <= 2200 else None


def stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def linked(path: str, query: Mapping[str, str]) -> str:
    kept = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path
