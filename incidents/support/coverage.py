"""Time that counts: only while somebody is there. Pure; hours and holidays are data.

Hours are local: a channel opens at nine by the wall, whatever the clocks do. An hour the wall skips
is not there to be covered; one it shows twice is covered twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from controlplane.lib.given import refuse
from controlplane.oncall.walls import instant, local_of

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = 24 * 60
MOST_LINES = 14
Span = tuple[int, int]  # minutes of the day, from and until
Week = tuple[tuple[Span, ...], ...]  # Monday first
_ONE_DAY = timedelta(days=1)
_SPAN = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_DAYS = re.compile(r"daily|[a-z]{3}(?:-[a-z]{3})?(?:,[a-z]{3}(?:-[a-z]{3})?)*")


@dataclass(frozen=True, slots=True)
class Coverage:
    """The hours of one channel. `days` says what differs from its week."""

    zone: ZoneInfo
    week: Week
    days: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)

    def on(self, day: date) -> tuple[Span, ...]:
        found = self.days.get(day)
        return self.week[day.weekday()] if found is None else found


def due(covered: Coverage, start: datetime, seconds: float) -> datetime:
    """The first moment by which so many seconds were covered since then."""
    left = timedelta(seconds=max(0.0, seconds))
    at = start.astimezone(UTC)
    if not left:
        return at
    for begin, end in stretches(covered, at):
        if end - begin >= left:
            return begin + left
        left -= end - begin
    raise AssertionError("a week with hours never ends")


def covered_between(covered: Coverage, since: datetime, until: datetime) -> float:
    """How many seconds of it somebody was there."""
    last = until.astimezone(UTC)
    total = timedelta()
    for begin, end in stretches(covered, since.astimezone(UTC)):
        if begin >= last:
            break
        total += min(end, last) - begin
    return total.total_seconds()


def is_open(covered: Coverage, at: datetime) -> bool:
    return next(stretches(covered, at.astimezone(UTC)))[0] <= at


def stretches(covered: Coverage, since: datetime) -> Iterator[tuple[datetime, datetime]]:
    """While somebody is there, from then on: in order, none within another, without an end."""
    last = since
    # The wall may have gone back over midnight.
    day = local_of(since, covered.zone).date() - _ONE_DAY
    while True:
        for begin, end in covered.on(day):
            first = max(last, _at(day, begin, covered.zone))
            last = max(first, _at(day, end, covered.zone, last=True))
            if first < last:
                yield first, last
        day += _ONE_DAY


def _at(day: date, minute: int, zone: ZoneInfo, *, last: bool = False) -> datetime:
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    return instant(wall, zone, last=last)


# --- As people write them ---------------------------------------------------------------------


def read_week(name: str, lines: Sequence[str]) -> Week:
    """`mon-fri 09:00-12:30 13:00-17:00`, one line or more. A week without an hour is refused:
    nothing would ever be due."""
    if len(lines) > MOST_LINES:
        raise refuse(name, f"At most {MOST_LINES} lines.")
    found: list[list[Span]] = [[] for _ in DAYS]
    for text in lines:
        days, *spans = text.lower().split() or [""]
        if not spans:
            raise refuse(name, f"“{text[:40]}” says no hours, as mon-fri 09:00-17:00 does.")
        for day in _days(name, days):
            found[day] += [_span(name, each) for each in spans]
    if not any(found):
        raise refuse(name, "Some hours: else nothing would ever be due.")
    return tuple(_in_order(name, spans) for spans in found)


def read_spans(name: str, text: str) -> tuple[Span, ...]:
    """The hours of one day; nothing: closed."""
    return _in_order(name, [_span(name, each) for each in text.split()])


def write_week(week: Week) -> list[str]:
    """Days in a row that have the same hours in one line."""
    lines: list[str] = []
    first = 0
    for day in range(1, len(DAYS) + 1):
        if day < len(DAYS) and week[day] == week[first]:
            continue
        if week[first]:
            name = DAYS[first] if day - first == 1 else f"{DAYS[first]}-{DAYS[day - 1]}"
            lines.append(f"{name} {write_spans(week[first])}")
        first = day
    return lines


def write_spans(spans: Sequence[Span]) -> str:
    return " ".join(f"{_wall(begin)}-{_wall(end)}" for begin, end in spans)


def _wall(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _days(name: str, text: str) -> list[int]:
    if text == "daily":
        return list(range(len(DAYS)))
    found: list[int] = []
    parts = text.split(",") if _DAYS.fullmatch(text) else [""]
    for part in parts:
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise refuse(name, f"“{text[:40]}” names no days, as mon-fri or sat,sun do.")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found += range(begin, end + 1) if begin <= end else [*range(begin, 7), *range(end + 1)]
    return found


def _span(name: str, text: str) -> Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise refuse(name, f"“{text[:40]}” is no time, as 09:00-17:00 is.")
    begin, end = (int(found[at]) * 60 + int(found[at + 1]) for at in (1, 3))
    if not begin < end <= MIDNIGHT:
        raise refuse(name, f"{text} ends before it begins. What goes past midnight is two lines.")
    return begin, end


def _in_order(name: str, spans: Sequence[Span]) -> tuple[Span, ...]:
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin < found[-1][1]:
            raise refuse(name, f"{write_spans([(begin, end)])} is there twice.")
        if found and begin == found[-1][1]:
            found[-1] = found[-1][0], end
        else:
            found.append((begin, end))
    return tuple(found)
