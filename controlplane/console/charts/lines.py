"""Lines and areas: series over time or over numbers."""

from __future__ import annotations

from collections.abc import Sequence

from controlplane.console.charts import frame, plot, reading, sampling, summary
from controlplane.console.charts.data import Area, Line, Series, is_moment, number, position
from controlplane.console.charts.plot import BOTTOM, TOP, Scale
from controlplane.console.charts.reading import Drawn, Scene, inside
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
from controlplane.console.charts.units import zone

LONE_DOTS = 200


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
            plot.hits(reading.hits(scene), chart.title, scene.axis.height),
            class_="chart-stage",
        ),
        class_="chart-body",
    )
    return frame.figure(
        chart,
        body,
        summary=told,
        table=reading.table(scene),
        legend=reading.legend(scene),
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
    for at, words in inside(scene, lasting=False):
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
