"""How long something has lasted that still lasts.

As a number it would be another one every second, and every look at the page a new page. So the
console is told since when, and the reader's browser counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Lasting:
    since: datetime


def lasted(begin: datetime, end: datetime | None) -> timedelta | Lasting:
    """The whole time of what is over; since when, of what is not."""
    return Lasting(begin) if end is None else end - begin
