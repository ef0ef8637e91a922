"""What a rule would have seen, look by look: its window slid over the past.

The parts of a measure are read once, minute by minute (hours for windows of days), and added up
window by window; the figure is then made of the sums by the same recipe as in a live look.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from telemetry import measures
from telemetry.measures import Measure, Reading, distinct
from telemetry.measures.answers import Answer, Part
from telemetry.measures.asking import ask
from telemetry.measures.figures import ROLLED, Recipe
from telemetry.measures.grains import HOUR, MINUTE, ceil, floor, pieces
from telemetry.models import AlertRule

# Longer windows are slid by the hour: their figure hardly moves in a minute.
_LONG = 6 * HOUR
_MOST_LOOKS = 30_000  # of all series together
_MOST_READ = 400  # where each look is a question of its own
_LEAST, _MOST, _LAST = "amount_min", "amount_max", "amount_last"
Line = Mapping[datetime, Reading]


@dataclass(slots=True)
class History:
    """By series, what was read at each look. A look at `at` saw the window that ended then."""

    step: timedelta
    ats: Sequence[datetime]
    lines: Mapping[str, Line] = field(default_factory=dict)


def slide(
    rule: AlertRule, measure: Measure, workspace_id: int | None, start: datetime, end: datetime
) -> History:
    scope = None if measure.installation else workspace_id
    window = timedelta(seconds=rule.window_s)
    if measure.statistic == "active":
        return History(MINUTE, [])
    if measure.statistic in ROLLED:
        return _rolled(rule, measure, scope, start, end, window)
    return _asked(rule, measure, scope, start, end, window)


def _looks(start: datetime, end: datetime, step: timedelta) -> list[datetime]:
    first = ceil(start, step)
    count = max(0, (floor(end, step) - first) // step + 1)
    return [first + step * number for number in range(count)]


# --- Sums that slide ----------------------------------------------------------------------------


def _rolled(
    rule: AlertRule,
    measure: Measure,
    scope: int | None,
    start: datetime,
    end: datetime,
    window: timedelta,
) -> History:
    grain = HOUR if window > _LONG else MINUTE
    recipe = Recipe.of_measure(measure, rule.filters)
    parts = recipe.parts()
    cut = pieces(floor(start - window, grain), end, grain)
    answer = ask(scope, cut, parts, step=grain, group_by=rule.group_by)
    cells: dict[str, dict[datetime, _Cell]] = {}
    for at, group in {**answer.figures, **answer.bins}:
        if at is not None:
            key = (at, group)
            cell = (answer.figures.get(key, {}), answer.bins.get(key, {}))
            cells.setdefault(group, {})[at] = cell
    if not rule.group_by:
        cells.setdefault("", {})
    step = _step(grain, window, start, end, len(cells))
    ats = _looks(start, end, step)
    size = max(1, window // grain)
    lines = {
        group: dict(_sums(recipe, found, ats, grain, size))
        for group, found in cells.items()
        if group or not rule.group_by
    }
    return History(step, ats, lines)


def _step(
    grain: timedelta, window: timedelta, start: datetime, end: datetime, series: int
) -> timedelta:
    """A look each minute as long as that is affordable; never so rarely that a minute falls
    between two windows."""
    looks = (end - start) // grain * max(1, series)
    wanted = grain * -(-looks // _MOST_LOOKS)
    return max(grain, min(wanted, window // grain * grain))


_Cell = tuple[Mapping[Part, float], Mapping[Part, Mapping[int, int]]]


def _sums(
    recipe: Recipe,
    cells: Mapping[datetime, _Cell],
    ats: Sequence[datetime],
    grain: timedelta,
    size: int,
) -> Iterator[tuple[datetime, Reading]]:
    sliding = _Sliding()
    times = deque(sorted(cells))
    inside: deque[datetime] = deque()
    length = grain * size
    reading, moved = measures.NO_DATA, True
    for at in ats:
        while times and times[0] < at:
            inside.append(times.popleft())
            sliding.enter(inside[-1], cells[inside[-1]])
            moved = True
        while inside and inside[0] < at - length:
            sliding.leave(cells[inside.popleft()])
            moved = True
        if moved:
            reading, moved = recipe.reading(sliding.answer(), (None, ""), length), False
        yield at, reading


class _Sliding:
    """The sum of the cells inside the window. Extremes can't be subtracted: they are looked up
    among those that are still inside.

    Parts are told apart by identity while they slide: each is one object for the whole answer,
    and hashing what it selects, a hundred thousand times, would cost more than all the rest.
    """

    def __init__(self) -> None:
        self.parts: dict[int, Part] = {}
        self.sums: dict[int, float] = {}
        self.held: Counter[int] = Counter()  # how many cells have such a part
        self.bins: dict[int, Counter[int]] = {}
        self.single: dict[int, deque[tuple[datetime, float]]] = {}

    def enter(self, at: datetime, cell: _Cell) -> None:
        figures, bins = cell
        for part, value in figures.items():
            key = id(part)
            self.parts[key] = part
            if part.column in {_LEAST, _MOST, _LAST}:
                self.single.setdefault(key, deque()).append((at, value))
            else:
                self.sums[key] = self.sums.get(key, 0.0) + value
                self.held[key] += 1
        for part, some in bins.items():
            self.parts[id(part)] = part
            self.bins.setdefault(id(part), Counter()).update(some)

    def leave(self, cell: _Cell) -> None:
        figures, bins = cell
        for part, value in figures.items():
            key = id(part)
            if key in self.single:
                self.single[key].popleft()
                continue
            self.sums[key] -= value
            self.held[key] -= 1
            if not self.held[key]:
                del self.sums[key]
        for part, some in bins.items():
            held = self.bins[id(part)]
            held.subtract(some)
            for number in some:
                if not held[number]:
                    del held[number]

    def answer(self) -> Answer:
        figures = {self.parts[key]: value for key, value in self.sums.items()}
        for key, values in self.single.items():
            if values:
                figures[self.parts[key]] = _one_of(self.parts[key].column, values)
        bins = {self.parts[key]: dict(held) for key, held in self.bins.items() if held}
        return Answer({(None, ""): figures}, {(None, ""): bins})


def _one_of(column: str, values: deque[tuple[datetime, float]]) -> float:
    if column == _LAST:
        return values[-1][1]
    choose = min if column == _LEAST else max
    return choose(value for _, value in values)


# --- Figures that rollups don't hold --------------------------------------------------------------


def _asked(
    rule: AlertRule,
    measure: Measure,
    scope: int | None,
    start: datetime,
    end: datetime,
    window: timedelta,
) -> History:
    """Missions and figures of others are asked for each window; all at once, and more rarely."""
    step = MINUTE
    while (end - start) // step > _MOST_READ:
        step = {MINUTE: 5 * MINUTE, 5 * MINUTE: 15 * MINUTE, 15 * MINUTE: HOUR}.get(step, step * 2)
    ats = _looks(start, end, step)
    periods = [(at - window, at) for at in ats]
    if measure.compute is not None:
        found = measure.compute(scope, periods, rule.group_by, rule.filters)
    else:
        line = distinct.missions([measure], scope, periods)[measure.slug]
        found = [{"": reading} for reading in line]
    names = {name for each in found for name in each if bool(name) is bool(rule.group_by)}
    lines = {
        name: {at: each.get(name, measures.NO_DATA) for at, each in zip(ats, found, strict=True)}
        for name in sorted(names)
    }
    return History(step, ats, lines)
