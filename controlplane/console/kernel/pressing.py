"""How pressing what waits is: what is broken, then what is late, then what is soon due.

One's own turn weighs no more than a service that is down: a deadline six weeks away is nothing
that needs anybody now, whosever it is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from controlplane.base.registries import Waiting
from controlplane.lib import clock, defaults

SOON_DAYS = defaults.define(
    "console.due_soon_days",
    7,
    unit="days",
    why="a deadline further off than the week one plans in is no warning yet",
)
BROKEN, LATE, SOON, OTHER, FAR = range(5)


def is_far(due: datetime | None) -> bool:
    return due is not None and due > clock.now() + timedelta(days=SOON_DAYS.value)


def rank(row: Waiting) -> int:
    if row.tone == "bad":
        return BROKEN
    if row.due is None:
        return OTHER
    if row.due <= clock.now():
        return LATE
    return FAR if is_far(row.due) else SOON


def calmed(row: Waiting) -> Waiting:
    """What is far from its deadline warns nobody."""
    return replace(row, tone="neutral") if row.tone == "warn" and is_far(row.due) else row
