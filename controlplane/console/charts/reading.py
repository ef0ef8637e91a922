"""A drawn line chart, read: under the pointer, in the legend, in the table."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

from controlplane.console.charts import frame, plot, sampling
from controlplane.console.charts.data import Line, position
from controlplane.console.charts.plot import Axis, Scale
from controlplane.console.charts.sampling import Point
from controlplane.console.charts.units import clock, format_value, stamp, zone

COLUMNS_TO_HOVER = 48


@dataclass(frozen=True, slots=True)
class Drawn:
    """A series with its points sorted, measured and (in a stack) lifted onto those below."""

    index: int
    name: str
    points: list[Point]
    tops: list[Point]
    floor: list[Point]

    @property
    def measured(self) -> list[tuple[float, float]]:
        return [(x, value) for x, value in self.points if value is not None]


@dataclass(frozen=True, slots=True)
class Scene:
    chart: Line
    drawn: list[Drawn]
    x: Scale
    axis: Axis
    timed: bool

    def when(self, x: float) -> str:
        if self.timed:
            return clock(x, zone(self.chart.tz), self.x.high - self.x.low)
        return format_value(x)

    def amount(self, value: float) -> str:
        return format_value(value, self.chart.unit)


def inside(scene: Scene, lasting: bool = True) -> list[tuple[float, str]]:
    found = [
        (position(note.at), note.label)
        for note in scene.chart.annotations
        if lasting or note.until is None
    ]
    return sorted(
        (at, label) for at, label in found if at is not None and scene.x.low <= at <= scene.x.high
    )


def hits(scene: Scene) -> list[plot.Hit]:
    """Columns that show a real point each: the highest of the first series within the column."""
    chosen = _chosen(scene)
    xs = {one.index: [x for x, _ in one.points] for one in scene.drawn}
    lead = next(one for one in scene.drawn if one.measured)
    notable = {lead.measured[-1][0], max(lead.measured, key=lambda point: point[1])[0]}
    edges = [0.0, *((a + b) / 2 for a, b in pairwise(map(scene.x.pct, chosen))), 100.0]
    told = inside(scene)
    found = []
    for index, x in enumerate(chosen):
        left, right = edges[index], edges[index + 1]
        near = [words for at, words in told if left <= scene.x.pct(at) < max(right, left + 0.01)]
        found.append(
            plot.Hit(
                left=left,
                width=max(0.0, right - left),
                at=scene.x.pct(x),
                head=scene.when(x),
                dots=_dots(scene, x, xs),
                key=x in notable or bool(near),
                extra=[f"▾ {words}" for words in near[:3]],
            )
        )
    return found


def _chosen(scene: Scene) -> list[float]:
    columns: dict[int, tuple[float, float]] = {}
    for one in scene.drawn:
        mine: dict[int, tuple[float, float]] = {}
        for x, value in one.measured:
            index = min(COLUMNS_TO_HOVER - 1, int(scene.x.share(x) * COLUMNS_TO_HOVER))
            mine[index] = max(mine.get(index, (value, x)), (value, x))
        columns = mine | columns
    latest = max(x for one in scene.drawn for x, _ in one.measured[-1:])
    return sorted({x for _, x in columns.values()} | {latest})


def _dots(scene: Scene, x: float, xs: dict[int, list[float]]) -> list[plot.Dot]:
    found = []
    for one in scene.drawn:
        at = bisect_left(xs[one.index], x)
        if at >= len(one.points) or one.points[at][0] != x:
            continue
        value, top = one.points[at][1], one.tops[at][1]
        if value is not None and top is not None:
            name = one.name if len(scene.drawn) > 1 else ""
            found.append(plot.Dot(one.index, scene.axis.at(top), name, scene.amount(value)))
    return found


def legend(scene: Scene) -> list[frame.Key]:
    if len(scene.drawn) < 2:
        return []
    return [
        frame.Key(
            one.index, one.name, scene.amount(one.measured[-1][1]) if one.measured else "no data"
        )
        for one in scene.drawn
    ]


def table(scene: Scene) -> frame.Table:
    columns = [dict(one.points) for one in scene.drawn]
    xs = sorted({x for column in columns for x in column})
    tz = zone(scene.chart.tz)
    rows = [
        [
            stamp(x, tz) if scene.timed else format_value(x),
            *(format_value(column.get(x), scene.chart.unit) for column in columns),
        ]
        for x in xs[-frame.MOST_ROWS :]
    ]
    # Rows past the cap are counted and never made: 10 000 points cost no 10 000 table cells.
    hidden: list[list[str]] = [[]] * (len(xs) - len(rows))
    words = f"Times in {tz}." if scene.timed else ""
    longest = max(len(one.points) for one in scene.drawn)
    if longest > sampling.LIMIT:
        words += (
            f" Drawn from {format_value(longest)} points: lowest and highest of each pixel column."
        )
    return frame.Table(
        ["Time" if scene.timed else "x", *(one.name for one in scene.drawn)],
        [*hidden, *rows],
        words.strip(),
        newest_last=True,
    )
