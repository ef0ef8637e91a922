"""Bars over categories: grouped or stacked, standing or lying.

Fills differ per series in more than hue (solid, outlined, hollow, dashed outline: the stylesheet's
`chart-bar`), and keep the order of the legend.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from controlplane.console.charts import frame, plot, rows
from controlplane.console.charts.data import Bar, number
from controlplane.console.charts.plot import BOTTOM, TOP, Axis, Scale
from controlplane.console.charts.svg import SafeString, clip, image, join, pct, series_class, tag
from controlplane.console.charts.ticks import nice
from controlplane.console.charts.units import format_value

MOST_STANDING = 400
MOST_HOVERED = 60
LETTER = 7.0
DESK, PHONE = 640.0, 280.0


@dataclass(frozen=True, slots=True)
class Piece:
    """One bar: from `low` to `high` on the value axis, whatever way that axis runs."""

    category: int
    series: int
    value: float
    low: float
    high: float


def render(chart: Bar) -> SafeString:
    names = [str(name) for name in chart.categories]
    grid = [[number(value) for value in one.values[: len(names)]] for one in chart.series]
    if not any(value is not None for values in grid for value in values):
        return frame.empty(chart)
    lying = _lies(chart, names)
    shown = min(len(names), rows.MOST if lying else MOST_STANDING)
    pieces = _pieces(grid, shown, chart.stacked)
    told = _summary(chart, names, grid)
    body = (
        _lying(chart, names[:shown], pieces, told)
        if lying
        else _standing(chart, names[:shown], pieces, told)
    )
    return frame.figure(
        chart, body, summary=told, table=_table(chart, names, grid, shown), legend=_legend(chart)
    )


def _lies(chart: Bar, names: list[str]) -> bool:
    """Long names lie down: turned letters are hard to read."""
    if chart.horizontal is not None:
        return chart.horizontal
    longest = max(map(len, names), default=0)
    return len(names) <= 30 and longest * LETTER * len(names) > DESK and longest > 10


def _pieces(grid: list[list[float | None]], shown: int, stacked: bool) -> list[Piece]:
    above, below = [0.0] * shown, [0.0] * shown
    found = []
    for series, values in enumerate(grid):
        for category, value in enumerate(values[:shown]):
            if value is None:
                continue
            base = above if value >= 0 else below
            start = base[category] if stacked else 0.0
            base[category] = start + value
            found.append(
                Piece(category, series, value, min(start, start + value), max(start, start + value))
            )
    return found


def _range(chart: Bar, pieces: list[Piece]) -> tuple[float, float]:
    ends = [edge for piece in pieces for edge in (piece.low, piece.high)]
    return plot.domain(ends, chart.thresholds, zero=True)


# --- Standing ---------------------------------------------------------------------------------


def _standing(chart: Bar, names: list[str], pieces: list[Piece], told: str) -> SafeString:
    axis = plot.y_axis(*_range(chart, pieces), chart.unit, chart.size)
    picture = image(
        plot.grid(axis),
        join(_standing_bar(chart, names, piece, axis) for piece in pieces),
        plot.threshold_lines(chart.thresholds, axis, chart.unit),
        plot.x_axis(_name_marks(names), axis.height),
        title=chart.title,
        summary=told,
        height=TOP + axis.height + BOTTOM,
        class_="chart-plot",
    )
    hits = (
        plot.hits(_hits(chart, names, pieces, axis), chart.title, axis.height)
        if len(names) <= MOST_HOVERED
        else ""
    )
    stage = tag("div", picture, hits, class_="chart-stage")
    return tag("div", plot.axis_column(axis, chart.unit), stage, class_="chart-body")


def _standing_bar(chart: Bar, names: list[str], piece: Piece, axis: Axis) -> SafeString:
    slot = 100 / len(names)
    lanes = 1 if chart.stacked else len(chart.series)
    width = slot * 0.72 / lanes
    left = slot * (piece.category + 0.14) + (0 if chart.stacked else piece.series * width)
    top, bottom = axis.at(piece.high), axis.at(piece.low)
    # The title serves where there are too many bars to hover over columns.
    words = tag("title", _words(chart, names, piece)) if len(names) > MOST_HOVERED else ""
    return tag(
        "rect",
        words,
        x=pct(left),
        y=top,
        width=pct(width * 0.94),
        height=max(bottom - top, 1.0 if piece.value else 0.0),
        rx=1.5,
        class_=f"chart-bar {series_class(piece.series)}",
    )


def _words(chart: Bar, names: list[str], piece: Piece) -> str:
    name = f", {clip(chart.series[piece.series].name, 60)}" if len(chart.series) > 1 else ""
    return f"{clip(names[piece.category], 80)}{name}: {format_value(piece.value, chart.unit)}"


def _name_marks(names: list[str]) -> list[tuple[float, str, str]]:
    """Every name, or every second, third... as many as the width holds, at desk and on phone."""
    longest = min(14, max(map(len, names), default=1)) + 1
    wide = max(1, math.ceil(len(names) * longest * LETTER / DESK))
    narrow = wide * max(1, math.ceil(len(names) * longest * LETTER / PHONE / wide))
    return [
        (
            (index + 0.5) * 100 / len(names),
            clip(name, 14),
            "" if index % narrow == 0 else "chart-wide",
        )
        for index, name in enumerate(names)
        if index % wide == 0
    ]


def _hits(chart: Bar, names: list[str], pieces: list[Piece], axis: Axis) -> list[plot.Hit]:
    slot = 100 / len(names)
    found = []
    highest = max(pieces, key=lambda piece: piece.value).category
    for index, name in enumerate(names):
        dots = [
            # No dot to see: the bars are marks enough. It keeps its series' colour in the card.
            plot.Dot(
                piece.series,
                -10.0,
                chart.series[piece.series].name if len(chart.series) > 1 else "",
                format_value(piece.value, chart.unit),
            )
            for piece in pieces
            if piece.category == index
        ]
        found.append(
            plot.Hit(
                slot * index, slot, slot * (index + 0.5), clip(name, 60), dots, index == highest
            )
        )
    return found


# --- Lying ------------------------------------------------------------------------------------


def _lying(chart: Bar, names: list[str], pieces: list[Piece], told: str) -> SafeString:
    low, high = _range(chart, pieces)
    found = nice(low, high, 4, chart.unit)
    scale = Scale(found[0], found[-1])
    lanes = 1 if chart.stacked else max(1, len(chart.series))
    height = rows.height_of(lanes) * len(names)
    marks = rows.amounts(scale, chart.unit)
    totals = [
        sum(piece.value for piece in pieces if piece.category == i) for i in range(len(names))
    ]
    single = chart.stacked or len(chart.series) == 1
    measured = {piece.category for piece in pieces}
    lines = [
        rows.Row(
            name,
            (format_value(totals[index], chart.unit) if index in measured else "no data")
            if single
            else "",
        )
        for index, name in enumerate(names)
    ]
    return rows.body(
        lines,
        rows.verticals(marks, height),
        join(_lying_bar(chart, names, piece, scale, lanes) for piece in pieces),
        _uprights(chart, scale, height),
        rows.axis(marks, height),
        title=chart.title,
        summary=told,
        bars=lanes,
        foot=rows.FOOT,
    )


def _lying_bar(chart: Bar, names: list[str], piece: Piece, scale: Scale, lanes: int) -> SafeString:
    row = rows.height_of(lanes)
    thick = (row - 12) / lanes
    y = row * piece.category + 6 + (0 if chart.stacked else piece.series * thick)
    left, right = scale.pct(piece.low), scale.pct(piece.high)
    return tag(
        "rect",
        tag("title", _words(chart, names, piece)),
        x=pct(left),
        y=y,
        width=pct(max(0.0, right - left)),
        height=max(2.0, thick - 1.5),
        rx=1.5,
        class_=f"chart-bar {series_class(piece.series)}",
    )


def _uprights(chart: Bar, scale: Scale, height: float) -> SafeString:
    parts = []
    for line in chart.thresholds:
        value = number(line.value)
        if value is None:
            continue
        x = pct(scale.pct(value))
        words = f"{clip(line.label, 32) or line.kind} {format_value(value, chart.unit)}"
        parts.append(
            tag(
                "line",
                tag("title", words),
                x1=x,
                x2=x,
                y1=0,
                y2=height,
                class_=f"chart-{line.kind}",
            )
        )
    return join(parts)


# --- Words ------------------------------------------------------------------------------------


def _summary(chart: Bar, names: list[str], grid: list[list[float | None]]) -> str:
    totals = _told(chart, names, grid)
    high, low = max(totals, key=lambda one: one[0]), min(totals, key=lambda one: one[0])
    unit = chart.unit
    facts = [f"highest {clip(high[1], 72)} with {format_value(high[0], unit)}"]
    if len(totals) > 1 and low[0] < high[0]:
        facts.append(f"lowest {clip(low[1], 72)} with {format_value(low[0], unit)}")
    elif len(totals) > 1:
        facts = [f"{format_value(high[0], unit)} in each of {len(totals)}"]
    if unit in {"", "count"} and len(totals) > 1:
        everything = sum(v for values in grid for v in values if v is not None)
        facts.append(f"{format_value(everything)} in all")
    for line in chart.thresholds:
        if (limit := number(line.value)) is not None:
            beyond = sum(v > limit if line.worse == "above" else v < limit for v, _ in totals)
            facts.append(
                f"{beyond} {line.worse} the {format_value(limit, unit)} {_noun(line.kind)}"
            )
    return frame.sentence(chart, *facts)


def _told(chart: Bar, names: list[str], grid: list[list[float | None]]) -> list[tuple[float, str]]:
    """What is compared: the bars as they are seen, each of a group, a stack as a whole."""
    if chart.stacked or len(grid) == 1:
        columns = [[v for values in grid for v in values[i : i + 1]] for i in range(len(names))]
        return [
            (sum(v for v in column if v is not None), name)
            for column, name in zip(columns, names, strict=True)
            if any(v is not None for v in column)
        ]
    return [
        (value, f"{clip(names[i], 40)} ({clip(one.name, 30)})")
        for one, values in zip(chart.series, grid, strict=True)
        for i, value in enumerate(values)
        if value is not None
    ]


def _noun(kind: str) -> str:
    return "target" if kind == "target" else "line"


def _legend(chart: Bar) -> list[frame.Key]:
    if len(chart.series) < 2:
        return []
    return [frame.Key(i, one.name, shape="chart-bar") for i, one in enumerate(chart.series)]


def _table(chart: Bar, names: list[str], grid: list[list[float | None]], shown: int) -> frame.Table:
    lines = [
        [name, *(format_value((values[i : i + 1] or [None])[0], chart.unit) for values in grid)]
        for i, name in enumerate(names)
    ]
    words = (
        f"Drawn are the first {shown} of {format_value(len(names))}." if shown < len(names) else ""
    )
    heads = [one.name for one in chart.series] if len(chart.series) > 1 else ["Value"]
    return frame.Table(["Name", *heads], lines, words)
