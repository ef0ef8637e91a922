"""When in the week: rows of cells, stronger where there is more. The highest is outlined."""

from __future__ import annotations

from controlplane.console.charts import frame
from controlplane.console.charts.data import Heatmap, number
from controlplane.console.charts.svg import SafeString, clip, image, pct, tag
from controlplane.console.charts.units import format_value

ROW, FOOT, LEVELS = 22.0, 22.0, 6
MOST_ROWS, MOST_COLUMNS = 31, 48


def render(chart: Heatmap) -> SafeString:
    names = list(chart.rows)[:MOST_ROWS]
    columns = list(chart.columns)[:MOST_COLUMNS]
    grid = [
        [number(value) for value in list(row)[: len(columns)]]
        for row in list(chart.values)[: len(names)]
    ]
    values = [value for row in grid for value in row if value is not None]
    if not values:
        return frame.empty(chart)
    low, high = min(0.0, min(values)), max(values)
    told = _summary(chart, names, columns, grid)
    height = ROW * len(names)
    cells = []
    for r, row in enumerate(grid):
        for c, value in enumerate(row):
            cells.append(_cell(chart, (r, names[r]), (c, columns), value, (low, high)))
    picture = image(
        *cells,
        *_columns(columns, height),
        title=chart.title,
        summary=told,
        height=height + FOOT,
        class_="chart-plot",
    )
    labels = tag(
        "ul", *(tag("li", tag("span", clip(n, 24), title=n)) for n in names), class_="chart-names"
    )
    body = tag(
        "div",
        labels,
        tag("div", picture, class_="chart-stage"),
        class_="chart-rows chart-rows-cells",
    )
    return frame.figure(
        chart,
        _scale(chart, low, high),
        body,
        summary=told,
        table=_table(chart, names, columns, grid),
    )


def _level(value: float, low: float, high: float) -> int:
    """0 for nothing, up to 6; where all are equal and not nothing, the middle."""
    if high <= low:
        return 3 if value else 0
    share = (value - low) / (high - low)
    return 0 if value == 0 else max(1, min(LEVELS, 1 + int(share * LEVELS)))


def _cell(
    chart: Heatmap,
    row: tuple[int, str],
    column: tuple[int, list[str]],
    value: float | None,
    edges: tuple[float, float],
) -> SafeString:
    index, names = column
    width = 100 / len(names)
    kind = "l-none" if value is None else f"l-{_level(value, *edges)}"
    if value is not None and value == edges[1] and edges[1] > edges[0]:
        kind += " l-top"
    words = f"{clip(row[1], 24)} {clip(names[index], 24)}: {format_value(value, chart.unit)}"
    return tag(
        "rect",
        tag("title", words),
        x=pct(index * width + width * 0.04),
        y=row[0] * ROW + 1,
        width=pct(width * 0.92),
        height=ROW - 2,
        rx=2,
        class_=f"chart-cell {kind}",
    )


def _columns(columns: list[str], height: float) -> list[SafeString]:
    step = max(1, len(columns) // 8)
    width = 100 / len(columns)
    return [
        tag(
            "text",
            clip(name, 8),
            x=pct((index + 0.5) * width),
            y=height + 15,
            text_anchor="middle",
            class_="" if index % (step * 2) == 0 else "chart-wide",
        )
        for index, name in enumerate(columns)
        if index % step == 0
    ]


def _scale(chart: Heatmap, low: float, high: float) -> SafeString:
    swatches = [
        tag("rect", x=level * 15.0, y=0, width=13, height=12, rx=2, class_=f"chart-cell l-{level}")
        for level in range(LEVELS + 1)
    ]
    return tag(
        "ul",
        tag(
            "li",
            tag("span", format_value(low, chart.unit), class_="chart-num"),
            tag("svg", *swatches, width=15 * (LEVELS + 1), height=12, aria_hidden="true"),
            tag("span", format_value(high, chart.unit), class_="chart-num"),
        ),
        class_="chart-legend",
    )


def _summary(
    chart: Heatmap, names: list[str], columns: list[str], grid: list[list[float | None]]
) -> str:
    found = [
        (value, names[r], columns[c])
        for r, row in enumerate(grid)
        for c, value in enumerate(row)
        if value is not None
    ]
    top = max(found, key=lambda one: one[0])
    facts = [
        f"highest {format_value(top[0], chart.unit)} on {clip(top[1], 24)} at {clip(top[2], 24)}"
    ]
    if min(found)[0] == top[0]:
        facts = [f"{format_value(top[0], chart.unit)} everywhere"]
    sums = [
        (sum(v for v in row if v is not None), names[r])
        for r, row in enumerate(grid)
        if any(v is not None for v in row)
    ]
    if len(sums) > 1 and chart.unit in {"", "count"} and max(sums)[0] > min(sums)[0]:
        facts.append(f"busiest row {clip(max(sums)[1], 24)}, quietest {clip(min(sums)[1], 24)}")
    missing = len(names) * len(columns) - len(found)
    if missing:
        facts.append(f"{missing} {'cell' if missing == 1 else 'cells'} without data")
    return frame.sentence(chart, *facts)


def _table(
    chart: Heatmap, names: list[str], columns: list[str], grid: list[list[float | None]]
) -> frame.Table:
    lines = []
    for index, column in enumerate(columns):
        cells = [(row[index : index + 1] or [None])[0] for row in grid]
        lines.append([column, *(format_value(value, chart.unit) for value in cells)])
    return frame.Table(["", *names[: len(grid)]], lines)
