"""Times of a window and of what is said about it: pure arithmetic, all in UTC.

Nothing here knows a local clock. A window at 02:00 UTC is at 02:00 UTC in summer and in winter,
a notice a day before it leaves 24 hours before it, whatever clocks on walls do in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from deployments.maintenance import numbers

SUNDAY = 6
HOUR = timedelta(hours=1)
# In the order they are said. A later one says all that the earlier ones would have.
AHEAD = ("planned", "week", "day")


def lead() -> timedelta:
    return timedelta(days=numbers.LEAD_DAYS.value)


def in_quiet_hours(starts_at: datetime, ends_at: datetime) -> bool:
    """Sundays from two to six, in UTC, all of it."""
    first, last = starts_at.astimezone(UTC), ends_at.astimezone(UTC)
    opens = first.replace(hour=numbers.FROM_HOUR.value, minute=0, second=0, microsecond=0)
    closes = first.replace(hour=numbers.UNTIL_HOUR.value, minute=0, second=0, microsecond=0)
    return first.weekday() == SUNDAY and opens <= first and last <= closes


def next_quiet_hours(after: datetime) -> tuple[datetime, datetime]:
    """The first such Sunday that is far enough away."""
    day = (after + lead()).astimezone(UTC)
    day = day.replace(hour=numbers.FROM_HOUR.value, minute=0, second=0, microsecond=0)
    day += timedelta(days=(SUNDAY - day.weekday()) % 7)
    if day < after + lead():
        day += timedelta(days=7)
    return day, day.replace(hour=numbers.UNTIL_HOUR.value)


def quarter_of(at: datetime) -> tuple[str, datetime, datetime]:
    """`2026Q4`, with where it begins and ends."""
    at = at.astimezone(UTC)
    number = (at.month - 1) // 3
    start = datetime(at.year, number * 3 + 1, 1, tzinfo=UTC)
    end = (
        datetime(at.year + 1, 1, 1, tzinfo=UTC)
        if number == 3
        else datetime(at.year, number * 3 + 4, 1, tzinfo=UTC)
    )
    return f"{at.year}Q{number + 1}", start, end


def notice_times(starts_at: datetime, ends_at: datetime, now: datetime) -> dict[str, datetime]:
    """When what is said. What would lie in the past is due at once."""
    return {
        "planned": max(now, starts_at - lead()),
        "week": max(now, starts_at - timedelta(days=numbers.WEEK_DAYS.value)),
        "day": max(now, starts_at - timedelta(hours=numbers.DAY_HOURS.value)),
        "start": starts_at,
        "done": ends_at + timedelta(hours=numbers.WATCH_HOURS.value),
    }


def ahead_of_emergency(starts_at: datetime, now: datetime) -> tuple[str, ...]:
    """Of what is said in advance, what an emergency still has the time for: something always."""
    far = starts_at - now
    return tuple(
        kind
        for kind, needed in (
            ("planned", timedelta(0)),
            ("week", timedelta(days=numbers.WEEK_DAYS.value)),
            ("day", timedelta(hours=numbers.DAY_HOURS.value)),
        )
        if kind == "planned" or far > needed
    )


@dataclass(frozen=True, slots=True)
class Saying:
    """What leaves now: one kind, the others that it says with it, and whether it is late."""

    kind: str
    folded: tuple[str, ...]
    late_since: datetime | None


def say_now(due: Iterable[tuple[str, datetime]], now: datetime) -> Saying | None:
    """Of the notices ahead that are due: the last is said, and says the others too. So after a
    silence nothing is left out and nobody reads the same thing three times."""
    waiting = sorted(
        ((kind, at) for kind, at in due if kind in AHEAD and at <= now),
        key=lambda each: AHEAD.index(each[0]),
    )
    if not waiting:
        return None
    kind, at = waiting[-1]
    late = now - at > timedelta(minutes=numbers.LATE_MINUTES.value)
    folded: Sequence[str] = [name for name, _ in waiting[:-1]]
    return Saying(kind, tuple(folded), at if late else None)


def overlap(one: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def span_words(starts_at: datetime, ends_at: datetime, zone: ZoneInfo | None = None) -> str:
    """`Sun 6 Dec 2026, 02:00 to 04:00 UTC`; on a reader's clock `Sun 6 Dec 2026, 03:00 to 05:00
    (02:00 UTC)`."""
    first, last = starts_at.astimezone(zone or UTC), ends_at.astimezone(zone or UTC)
    begin = f"{first:%a} {first.day} {first:%b %Y, %H:%M}"
    same = first.date() == last.date()
    end = f"{last:%H:%M}" if same else f"{last:%a} {last.day} {last:%b %Y, %H:%M}"
    if not first.utcoffset():
        return f"{begin} to {end} UTC"
    began = starts_at.astimezone(UTC)
    day = "" if began.date() == first.date() else f"{began:%a} "
    return f"{begin} to {end} ({day}{began:%H:%M} UTC)"
