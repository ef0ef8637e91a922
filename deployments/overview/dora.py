"""The four keys as arithmetic over changes. No rows are read here, and no clock.

A change is a deployment that is no rollback. It went out when it was live; one that was stopped on
the way went out when it started. Each figure names the changes it is made of, so that a page can
show them; of too few it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Change:
    """What is asked of one deployment."""

    ref: str
    out_at: datetime
    landed: bool = True
    open: bool = False  # still watched: nobody can say yet whether it went well
    failed: str = ""  # why it counts as failed; empty: it does not
    heard_at: datetime | None = None  # CI's first word about its commit
    restored_at: datetime | None = None
    restored_by: str = ""
    # For pages alone.
    pk: int = 0
    release: str = ""
    title: str = ""
    status: str = ""
    kind: str = ""

    @property
    def lead(self) -> float | None:
        """Seconds from CI's first word to being live. A commit that CI heard of only afterwards
        has none: it would be less than nothing."""
        if not self.landed or self.heard_at is None or self.heard_at > self.out_at:
            return None
        return (self.out_at - self.heard_at).total_seconds()

    @property
    def down(self) -> float | None:
        """Seconds from going out to what repaired it."""
        if not self.failed or self.restored_at is None or self.restored_at < self.out_at:
            return None
        return (self.restored_at - self.out_at).total_seconds()

    @property
    def broke(self) -> bool:
        """It failed and there was something to restore: it was live, or had to be taken back."""
        return bool(self.failed) and (self.landed or self.restored_at is not None)

    @property
    def judged(self) -> bool:
        return bool(self.failed) or not self.open


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` None: too few to say. `n` of `of` changes made it; the others could not be told."""

    slug: str
    value: float | None
    n: int
    of: int
    rows: Sequence[Change] = ()
    enough: bool = True


def frequency(changes: Iterable[Change], start: datetime, end: datetime) -> Figure:
    """Changes that became live, a week. A stretch under a week is too short to say."""
    rows = [one for one in changes if one.landed and start <= one.out_at < end]
    enough = end - start >= WEEK
    value = len(rows) / ((end - start) / WEEK) if enough else None
    return Figure("frequency", value, len(rows), len(rows), rows, enough)


def lead_time(changes: Iterable[Change], least: int) -> Figure:
    """The middle one, in seconds: means are a matter of the one that lay about for a month."""
    landed = [one for one in changes if one.landed]
    rows = [one for one in landed if one.lead is not None]
    return _middle("lead_time", rows, [one.lead for one in rows], len(landed), least)


def failure_rate(changes: Iterable[Change], least: int) -> Figure:
    """The share that failed of those that can be judged."""
    every = list(changes)
    judged = [one for one in every if one.judged]
    rows = [one for one in judged if one.failed]
    enough = len(judged) >= max(least, 1)
    value = len(rows) / len(judged) if enough else None
    return Figure("failure_rate", value, len(judged), len(every), rows, enough)


def restore_time(changes: Iterable[Change], least: int) -> Figure:
    failed = [one for one in changes if one.broke]
    rows = [one for one in failed if one.down is not None]
    return _middle("restore_time", rows, [one.down for one in rows], len(failed), least)


def _middle(
    slug: str, rows: Sequence[Change], found: Sequence[float | None], of: int, least: int
) -> Figure:
    seconds = [each for each in found if each is not None]
    enough = len(seconds) >= max(least, 1)
    return Figure(slug, median(seconds) if enough else None, len(rows), of, rows, enough)


def figures(
    changes: Sequence[Change],
    start: datetime,
    end: datetime,
    least: int,
    lived: datetime | None = None,
) -> dict[str, Figure]:
    """All four, of what went out in [start, end). `lived`: since when something was live, where
    that is later: how often something becomes live is a matter of the time since."""
    within = [one for one in changes if start <= one.out_at < end]
    found = (
        frequency(within, max(start, lived or start), end),
        lead_time(within, least),
        failure_rate(within, least),
        restore_time(within, least),
    )
    return {one.slug: one for one in found}


# --- Weeks --------------------------------------------------------------------------------------


def week_of(at: datetime) -> datetime:
    """Monday 00:00 UTC of the ISO week it lies in. In UTC, so that a figure is the same for every
    reader."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def weeks(start: datetime, end: datetime) -> list[datetime]:
    """The ISO weeks that [start, end) touches."""
    first, found = week_of(start), []
    while first < end:
        found.append(first)
        first += WEEK
    return found


def week_name(monday: datetime) -> str:
    year, number, _ = monday.isocalendar()
    return f"{year}-W{number:02}"


@dataclass(frozen=True, slots=True)
class Week:
    """What went out in one ISO week."""

    begins: datetime
    landed: int
    failed: int
    lead: float | None
    whole: bool  # it is over
    closed: int = 0  # deployments that were completed in it

    @property
    def name(self) -> str:
        return week_name(self.begins)


def by_week(
    changes: Iterable[Change],
    start: datetime,
    end: datetime,
    closed: dict[datetime, int] | None = None,
) -> list[Week]:
    """One entry for each week, empty ones too: a gap in the row would look like no time."""
    parts: dict[datetime, list[Change]] = {monday: [] for monday in weeks(start, end)}
    for one in changes:
        rows = parts.get(week_of(one.out_at))
        if rows is not None and start <= one.out_at < end:
            rows.append(one)
    return [_week(monday, rows, end, (closed or {}).get(monday, 0))
            for monday, rows in parts.items()]  # fmt: skip


def _week(monday: datetime, rows: Sequence[Change], end: datetime, closed: int) -> Week:
    leads = [one.lead for one in rows if one.lead is not None]
    return Week(
        begins=monday,
        landed=sum(one.landed for one in rows),
        failed=sum(bool(one.failed) for one in rows),
        lead=median(leads) if leads else None,
        whole=monday + WEEK <= end,
        closed=closed,
    )


def on_target(found: Iterable[Week], least: int, most: int) -> tuple[int, int]:
    """In how many of the whole weeks as many were completed as planned; and of how many."""
    whole = [one for one in found if one.whole]
    return sum(least <= one.closed <= most for one in whole), len(whole)
