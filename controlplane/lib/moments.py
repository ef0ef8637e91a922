"""Times inside of sentences. What is kept says them in UTC, in one form; whoever reads it, by their
own clock.

    f"Answer by {moments.utc(due)}."            # what is written into rows
    moments.by_clock(text, "Europe/Berlin")     # what that person reads
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_FORM = "%Y-%m-%d %H:%M"
_ONE = r"(\d{4}-\d\d-\d\d \d\d:\d\d)(:\d\d)?"
# Of a stretch only the end names the zone.
_TOLD = re.compile(rf"\b{_ONE}(?: to {_ONE})? UTC\b")


def utc(moment: datetime) -> str:
    """ "2026-11-21 14:05 UTC": the one form that is read back."""
    return f"{moment.astimezone(UTC):{_FORM}} UTC"


def by_clock(text: str, zone: str) -> str:
    """The text with its times on the clock of that zone, which is named. What can't be read stays
    as it stands: a message must not fail over a setting or a year."""
    if " UTC" not in text:
        return text
    clock = _clock(zone)
    return text if clock is None else _TOLD.sub(lambda found: _told(found, clock, zone), text)


@lru_cache(maxsize=100)
def _clock(zone: str) -> tzinfo | None:
    try:
        return ZoneInfo(zone) if zone and zone != "UTC" else None
    except (KeyError, ValueError, OSError):
        return None


def _told(found: re.Match[str], clock: tzinfo, zone: str) -> str:
    begin, _, end, _ = found.groups()
    try:
        said = [_local(minute, clock) for minute in (begin, end) if minute]
    except (ValueError, OverflowError):
        return found[0]
    seconds = [part or "" for part in found.groups()[1::2]]
    told = (minute + rest for minute, rest in zip(said, seconds, strict=False))
    return f"{' to '.join(told)} {zone}"


def _local(minute: str, clock: tzinfo) -> str:
    moment = datetime.strptime(minute, _FORM).replace(tzinfo=UTC)
    return f"{moment.astimezone(clock):{_FORM}}"
