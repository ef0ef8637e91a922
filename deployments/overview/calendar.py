"""Days, weeks and months of the reader's wall, and what lies on them.

A day is from one local midnight to the next: twenty-three hours in spring, twenty-five in autumn,
and in some places it begins at one o'clock. So days are counted as dates and become instants last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from controlplane.lib.text import short
from controlplane.oncall.walls import instant, local_of
from deployments.overview.entries import Entry

VIEWS = ("month", "week", "timeline")
SPAN = 28  # days of the timeline
SHOWN = 5  # entries of a day in a month
DAY = timedelta(days=1)
FIRST, LAST = date(1971, 1, 4), date(9000, 1, 1)


@dataclass(frozen=True, slots=True)
class Window:
    """The days that a view shows, as dates and as the instants they begin and end."""

    view: str
    anchor: date
    first: date
    days: int
    start: datetime
    end: datetime
    zone: ZoneInfo

    @property
    def last(self) -> date:
        return self.first + timedelta(days=self.days - 1)

    def midnight(self, day: date) -> datetime:
        return midnight(day, self.zone)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return instant(datetime.combine(day, time()), zone)


def today(at: datetime, zone: ZoneInfo) -> date:
    return local_of(at, zone).date()


def read_day(text: str, default: date) -> date:
    """A date from the address; what is none, or lies beyond what clocks know, is today."""
    try:
        found = date.fromisoformat(text[:10])
    except ValueError:
        return default
    return found if FIRST <= found <= LAST else default


def window(view: str, anchor: date, zone: ZoneInfo) -> Window:
    """Whole weeks from a Monday on, whatever the view."""
    first, days = _days_of(view, anchor)
    start, end = midnight(first, zone), midnight(first + timedelta(days=days), zone)
    return Window(view, anchor, first, days, start, end, zone)


def _days_of(view: str, anchor: date) -> tuple[date, int]:
    monday = _monday(anchor)
    if view == "week":
        return monday, 7
    if view == "timeline":
        return monday - timedelta(days=7), SPAN
    first = _monday(anchor.replace(day=1))
    end = _monday(_month(anchor, 1) - DAY) + timedelta(days=7)
    return first, (end - first).days


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _month(day: date, by: int) -> date:
    """The first of the month `by` months on."""
    months = day.year * 12 + day.month - 1 + by
    return date(months // 12, months % 12 + 1, 1)


def stepped(view: str, anchor: date, by: int) -> date:
    """Where a page earlier or later is anchored."""
    if view == "month":
        found = _month(anchor, by)
    else:
        found = _monday(anchor) + timedelta(days=by * (7 if view == "week" else SPAN // 2))
    return min(max(found, FIRST), LAST)


def title(view: Window) -> str:
    if view.view == "month":
        return f"{view.anchor:%B %Y}"
    one, two = view.first, view.last
    if view.view == "week":
        year, number, _ = one.isocalendar()
        return f"Week {number}, {_span(one, two)} {year}"
    return f"{_span(one, two)} {two:%Y}"


def _span(one: date, two: date) -> str:
    first = f"{one.day}" if one.month == two.month else f"{one.day} {one:%b}"
    return f"{first} – {two.day} {two:%b}"


# --- Days ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry on one of its days."""

    entry: Entry
    at: str  # when it begins that day; empty where it goes on from the day before
    until: str  # when it ends that day
    goes_on: bool  # from the day before


@dataclass(frozen=True, slots=True)
class Day:
    date: date
    shown: Sequence[Shown]
    more: int
    today: bool
    outside: bool  # of the month that is asked for

    @property
    def weekend(self) -> bool:
        return self.date.weekday() >= 5


def days(view: Window, entries: Sequence[Entry], at: datetime) -> list[Day]:
    here, most = today(at, view.zone), SHOWN if view.view == "month" else len(entries)
    found = []
    for number in range(view.days):
        day = view.first + timedelta(days=number)
        begins, ends = view.midnight(day), view.midnight(day + DAY)
        rows = [one for one in entries if touches(one, begins, ends)]
        # What goes on from the day before first, as it is written across.
        rows.sort(key=lambda one: (one.starts >= begins, one.starts, one.key))
        found.append(
            Day(
                date=day,
                shown=[_shown(one, begins, ends, view.zone) for one in rows[:most]],
                more=max(0, len(rows) - most),
                today=day == here,
                outside=view.view == "month" and day.month != view.anchor.month,
            )
        )
    return found


def touches(entry: Entry, begins: datetime, ends: datetime) -> bool:
    """In [begins, ends): what lasts no time belongs to the day it stands in."""
    return entry.starts < ends and (entry.ends > begins or entry.starts >= begins)


def _shown(entry: Entry, begins: datetime, ends: datetime, zone: ZoneInfo) -> Shown:
    here = entry.starts >= begins
    ended = entry.starts < entry.ends <= ends and not entry.lasting
    return Shown(
        entry=entry,
        at=f"{local_of(entry.starts, zone):%H:%M}" if here else "",
        until=f"{local_of(entry.ends, zone):%H:%M}" if ended else "",
        goes_on=not here,
    )


# --- Timeline -----------------------------------------------------------------------------------

ROWS = 6  # of a lane; what finds no room is counted
LEAST = 0.006  # of the width: a bar that is shorter could not be hit
LETTER = 0.0078  # of the width: so much room a letter of a name takes
NAME = 22  # letters
_TONES = {
    "completed": "good",
    "failed": "bad",
    "blocked": "warn",
    "rolled_back": "quiet",
    "deploying": "info",
    "verifying": "info",
    "monitoring": "info",
    "running": "info",
    "held": "warn",
    "paused": "warn",
    "stabilizing": "info",
    "nobody": "bad",
}


@dataclass(frozen=True, slots=True)
class Bar:
    entry: Entry
    x: str
    width: str
    row: int
    tone: str
    name: str
    span: str
    name_x: str = ""  # where the name stands beside the bar; empty: within it

    @property
    def y(self) -> int:
        return TOP + self.row * BAR

    @property
    def name_y(self) -> int:
        return self.y + 14


@dataclass(frozen=True, slots=True)
class Lane:
    name: str
    bars: Sequence[Bar]
    bands: Sequence[Bar]  # times in which nothing goes out
    rows: int
    more: int

    @property
    def height(self) -> int:
        return TOP + max(self.rows, 1) * BAR + 4


TOP, BAR = 4, 24


def tone(entry: Entry) -> str:
    if entry.state in _TONES:
        return _TONES[entry.state]
    return "plan" if entry.planned else "quiet"


def lane(name: str, entries: Sequence[Entry], view: Window, bands: Sequence[Entry] = ()) -> Lane:
    """Bars with their names laid into as few rows as they need, the earliest first."""
    free: list[float] = []
    bars: list[Bar] = []
    more = 0
    for one in sorted(entries, key=lambda each: (each.starts, each.key)):
        begins, ends = _shares(one, view)
        written = _room(one)
        beside = ends - begins < written and ends + written <= 1
        row = next((place for place, until in enumerate(free) if until <= begins), len(free))
        if row >= ROWS:
            more += 1
            continue
        if row == len(free):
            free.append(0.0)
        free[row] = ends + written if beside else ends
        bars.append(_bar(one, begins, ends, row, view, beside=beside))
    held = [_bar(one, *_shares(one, view), 0, view) for one in bands]
    return Lane(name, bars, held, len(free), more)


def _name(entry: Entry) -> str:
    return short(entry.ref or entry.title, NAME)


def _room(entry: Entry) -> float:
    return (len(_name(entry)) + 2) * LETTER


def _shares(entry: Entry, view: Window) -> tuple[float, float]:
    begins = max(share(entry.starts, view), 0.0)
    ends = min(share(entry.ends, view), 1.0)
    if ends - begins < LEAST:
        begins = min(begins, 1 - LEAST)
        ends = begins + LEAST
    return begins, ends


def share(at: datetime, view: Window) -> float:
    return (at - view.start) / (view.end - view.start)


def percent(value: float) -> str:
    return f"{100 * value:.3f}%"


def _bar(
    entry: Entry, begins: float, ends: float, row: int, view: Window, *, beside: bool = False
) -> Bar:
    return Bar(
        entry=entry,
        x=percent(begins),
        width=percent(ends - begins),
        row=row,
        tone=tone(entry),
        name=_name(entry) if beside or ends - begins >= _room(entry) else "",
        span=span(entry, view.zone),
        name_x=percent(ends) if beside else "",
    )


def span(entry: Entry, zone: ZoneInfo) -> str:
    """ "Mon 23 Nov 09:00 to 09:30", on the reader's wall."""
    one, two = local_of(entry.starts, zone), local_of(entry.ends, zone)
    said = f"{one:%a %d %b %H:%M}"
    if entry.lasting:
        return f"since {said}"
    if entry.ends <= entry.starts:
        return said
    same = one.date() == two.date()
    return f"{said} to {two:%H:%M}" if same else f"{said} to {two:%a %d %b %H:%M}"
