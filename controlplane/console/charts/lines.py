"""Lines and areas: series over time or over numbers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from controlplane.console.charts import frame, plot, sampling, summary
from controlplane.console.charts.data import Area, Line, Series, is_moment, number, position
from controlplane.console.charts.plot import BOTTOM, TOP, Axis, Scale
from controlplane.console.charts.sampling import Point
from controlplane.console.charts.svg import (
    SafeString,
    clip,
    image,
    join,
    marker,
    num,
    pct,
    series_class,
    stretched,
    tag,
)
from controlplane.console.charts.units import clock, format_value, stamp, zone

COLUMNS_TO_HOVER = 48
LONE_DOTS = 200


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


def render(chart: Line) -> SafeString:
    drawn = _drawn(chart)
    if not any(one.measured for one in drawn):
        return frame.empty(chart)
    scene = _scene(chart, drawn)
    told = summary.of_lines(scene.chart, [(one.name, one.points) for one in drawn], scene.when)
    height = TOP + scene.axis.height + BOTTOM
    picture = image(
        *_layers(scene), title=chart.title, summary=told, height=height, class_="chart-plot"
    )
    body = tag(
        "div",
        plot.axis_column(scene.axis, chart.unit),
        tag(
            "div",
            picture,
            plot.hits(_hits(scene), chart.title, scene.axis.height),
            class_="chart-stage",
        ),
        class_="chart-body",
    )
    return frame.figure(
        chart,
        body,
        summary=told,
        table=_table(scene),
        legend=_legend(scene),
        notes=chart.annotations,
    )


# --- From data to a scene ---------------------------------------------------------------------


def _drawn(chart: Line) -> list[Drawn]:
    stacked = isinstance(chart, Area) and chart.stacked
    found, floor = [], dict[float, float]()
    for index, series in enumerate(chart.series):
        points = _points(chart, series)
        below: list[Point] = [(x, floor.get(x, 0.0) if stacked else 0.0) for x, _ in points]
        tops: list[Point] = [
            (x, None if value is None else value + (base or 0.0))
            for (x, value), (_, base) in zip(points, below, strict=True)
        ]
        if stacked:
            floor.update((x, top) for x, top in tops if top is not None)
        found.append(Drawn(index, series.name, points, tops, below))
    return found


def _points(chart: Line, series: Series) -> list[Point]:
    low, high = position(chart.start), position(chart.end)
    found = [(x, number(value)) for at, value in series.points if (x := position(at)) is not None]
    return sorted(
        (
            (x, value)
            for x, value in found
            if (low is None or x >= low) and (high is None or x <= high)
        ),
        key=lambda point: point[0],
    )


def _scene(chart: Line, drawn: list[Drawn]) -> Scene:
    timed = any(is_moment(at) for series in chart.series for at, _ in series.points[:1])
    xs = [x for one in drawn for x, _ in one.points]
    start, end = position(chart.start), position(chart.end)
    x = Scale(min(xs) if start is None else start, max(xs) if end is None else end)
    if x.high <= x.low:
        pad = 1800.0 if timed else max(abs(x.low) * 0.1, 0.5)
        x = Scale(x.low - pad, x.low + pad)
    values = [value for one in drawn for _, value in one.tops if value is not None]
    values += [edge for _, low, high in _ribbon_points(chart, x) for edge in (low, high)]
    zero = chart.from_zero or isinstance(chart, Area)
    low, high = plot.domain(values, chart.thresholds, zero)
    return Scene(chart, drawn, x, plot.y_axis(low, high, chart.unit, chart.size), timed)


def _ribbon_points(chart: Line, x: Scale) -> list[tuple[float, float, float]]:
    return [point for ribbon in chart.ribbons for point in _measured_ribbon(ribbon.points, x)]


def _measured_ribbon(
    points: Sequence[tuple[object, object, object]], x: Scale
) -> list[tuple[float, float, float]]:
    found = []
    for at, low, high in points:
        where, bottom, top = position(at), number(low), number(high)
        if (
            where is not None
            and bottom is not None
            and top is not None
            and x.low <= where <= x.high
        ):
            found.append((where, min(bottom, top), max(bottom, top)))
    return sorted(found)


# --- Drawing ----------------------------------------------------------------------------------


def _layers(scene: Scene) -> list[SafeString]:
    chart, axis = scene.chart, scene.axis
    marks = plot.x_marks(scene.x, scene.timed, zone(chart.tz))
    return [
        plot.grid(axis),
        plot.x_axis(marks, axis.height),
        _periods(scene),
        stretched(*_paths(scene), top=TOP, height=axis.height),
        _lone_dots(scene),
        _moments(scene),
        plot.threshold_lines(chart.thresholds, axis, chart.unit),
        _ends(scene),
    ]


def _paths(scene: Scene) -> list[SafeString]:
    chart, parts = scene.chart, []
    for ribbon in chart.ribbons:
        points = _measured_ribbon(ribbon.points, scene.x)
        if points:
            parts.append(_ribbon(scene, points))
    for one in scene.drawn:
        thinned = sampling.thin(one.tops)
        for run in sampling.segments(thinned, chart.gap):
            if isinstance(chart, Area):
                parts.append(_filled(scene, one, run))
            if len(run) > 1:
                parts.append(
                    tag("path", d=_line(scene, run), class_=f"chart-line {series_class(one.index)}")
                )
    return parts


def _line(scene: Scene, run: Sequence[tuple[float, float]]) -> str:
    steps = [f"{num(scene.x.wide(x))} {num(scene.axis.y(value))}" for x, value in run]
    return "M" + "L".join(steps)


def _filled(scene: Scene, one: Drawn, run: list[tuple[float, float]]) -> SafeString:
    base = dict(one.floor)
    back = [(x, base.get(x) or 0.0) for x, _ in reversed(run)]
    d = f"{_line(scene, run)}L{_line(scene, back)[1:]}Z"
    return tag("path", d=d, class_=f"chart-area {series_class(one.index)}")


def _ribbon(scene: Scene, points: list[tuple[float, float, float]]) -> SafeString:
    step = max(1, len(points) // 600)
    kept = points[::step]
    up = _line(scene, [(x, high) for x, _, high in kept])
    down = _line(scene, [(x, low) for x, low, _ in reversed(kept)])
    return tag("path", d=f"{up}L{down[1:]}Z", class_="chart-ribbon")


def _lone_dots(scene: Scene) -> SafeString:
    """A point between two gaps has no line: without a dot it would not be seen at all."""
    runs = [
        (one.index, run[0])
        for one in scene.drawn
        for run in sampling.segments(sampling.thin(one.tops), scene.chart.gap)
        if len(run) == 1
    ]
    return join(
        tag(
            "circle",
            cx=pct(scene.x.pct(x)),
            cy=scene.axis.at(value),
            r=2.5,
            class_=f"chart-point {series_class(index)}",
        )
        for index, (x, value) in runs[:LONE_DOTS]
    )


def _ends(scene: Scene) -> SafeString:
    """Each line ends in its series' mark, the same as in the legend."""
    parts = []
    for one in scene.drawn:
        last = next(((x, v) for x, v in reversed(one.tops) if v is not None), None)
        if last is not None:
            parts.append(marker(one.index, pct(scene.x.pct(last[0])), scene.axis.at(last[1])))
    return join(parts)


def _periods(scene: Scene) -> SafeString:
    parts = []
    for note in scene.chart.annotations:
        at, until = position(note.at), position(note.until)
        if at is None or until is None or until < scene.x.low or at > scene.x.high:
            continue
        left, right = scene.x.pct(at), scene.x.pct(until)
        left, width = min(left, 99.7), max(0.3, right - left)
        turned = left > 80
        text = tag(
            "text",
            clip(note.label, 20),
            x=pct(left + width if turned else left),
            y=TOP + 13,
            dx="-5" if turned else "5",
            text_anchor="end" if turned else "start",
            class_="chart-period-label chart-wide",
        )
        parts += [
            tag(
                "rect",
                x=pct(left),
                y=TOP,
                width=pct(width),
                height=scene.axis.height,
                class_="chart-period-box",
            ),
            text,
        ]
    return join(parts)


def _moments(scene: Scene) -> SafeString:
    """A stroke with a flag; its words where the flag before leaves them room."""
    parts, free = [], -100.0
    bottom = TOP + scene.axis.height
    for at, words in _inside(scene, lasting=False):
        where = scene.x.pct(at)
        x = pct(where)
        parts += [
            tag("line", x1=x, x2=x, y1=TOP - 6, y2=bottom, class_="chart-moment"),
            tag("svg", tag("path", d="M-4 -6H4L0 0Z"), x=x, y=TOP - 4, class_="chart-flag"),
        ]
        if where >= free:
            anchor = "end" if where > 80 else "start"
            text = tag(
                "text",
                clip(words, 20),
                x=0,
                y=0,
                text_anchor=anchor,
                dx="-7" if where > 80 else "7",
            )
            parts.append(tag("svg", text, x=x, y=TOP - 8, class_="chart-flag-label chart-wide"))
            free = where + 24
    return join(parts)


def _inside(scene: Scene, lasting: bool = True) -> list[tuple[float, str]]:
    found = [
        (position(note.at), note.label)
        for note in scene.chart.annotations
        if lasting or note.until is None
    ]
    return sorted(
        (at, label) for at, label in found if at is not None and scene.x.low <= at <= scene.x.high
    )


# --- Hovering, legend, table ------------------------------------------------------------------


def _hits(scene: Scene) -> list[plot.Hit]:
    """Columns that show a real point each: the highest of the first series within the column."""
    chosen = _chosen(scene)
    xs = {one.index: [x for x, _ in one.points] for one in scene.drawn}
    lead = next(one for one in scene.drawn if one.measured)
    notable = {lead.measured[-1][0], max(lead.measured, key=lambda point: point[1])[0]}
    edges = [0.0, *((a + b) / 2 for a, b in pairwise(map(scene.x.pct, chosen))), 100.0]
    told = _inside(scene)
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


def _legend(scene: Scene) -> list[frame.Key]:
    if len(scene.drawn) < 2:
        return []
    return [
        frame.Key(
            one.index, one.name, scene.amount(one.measured[-1][1]) if one.measured else "no data"
        )
        for one in scene.drawn
    ]


def _table(scene: Scene) -> frame.Table:
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
