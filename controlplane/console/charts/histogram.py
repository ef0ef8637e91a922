"""How often which size came up, with percentiles marked on the axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.console.charts import frame, plot
from controlplane.console.charts.data import Histogram, number
from controlplane.console.charts.plot import BOTTOM, TOP, Axis, Scale
from controlplane.console.charts.svg import SafeString, clip, image, join, pct, tag
from controlplane.console.charts.ticks import decades, nice
from controlplane.console.charts.units import axis_labels, format_value, zone

MOST_DRAWN = 160
PHONE = 270.0  # the plot of a phone, in pixels
Counted = tuple[float, float, float]  # low, high, count


@dataclass(frozen=True, slots=True)
class Sizes:
    """The x axis, which may count in powers of ten: latencies spread over decades."""

    scale: Scale
    log: bool

    def pct(self, value: float) -> float:
        if not self.log:
            return self.scale.pct(value)
        return self.scale.pct(math.log10(value)) if value > 0 else 0.0


def render(chart: Histogram) -> SafeString:
    buckets = _buckets(chart)
    if not buckets or not any(count for _, _, count in buckets):
        return frame.empty(chart)
    drawn = _merged(buckets)
    sizes = _sizes(chart, drawn)
    axis = plot.y_axis(0.0, max(count for _, _, count in drawn), "", chart.size)
    told = _summary(chart, buckets)
    picture = image(
        plot.grid(axis),
        join(_bar(chart, bucket, sizes, axis) for bucket in drawn),
        _marks(chart, sizes, axis),
        plot.x_axis(_axis(chart, sizes), axis.height),
        title=chart.title,
        summary=told,
        height=TOP + axis.height + BOTTOM,
        class_="chart-plot",
    )
    body = tag(
        "div",
        plot.axis_column(axis, ""),
        tag("div", picture, class_="chart-stage"),
        class_="chart-body",
    )
    return frame.figure(chart, body, summary=told, table=_table(chart, buckets, len(drawn)))


def _buckets(chart: Histogram) -> list[Counted]:
    if not chart.buckets:
        return counted([v for value in chart.values if (v := number(value)) is not None])
    found = []
    for bucket in chart.buckets:
        low, high, count = number(bucket.low), number(bucket.high), number(bucket.count)
        if low is not None and high is not None and count is not None and count >= 0:
            found.append((min(low, high), max(low, high), count))
    return sorted(found)


def counted(values: Sequence[float]) -> list[Counted]:
    """Buckets with round edges, about as many as the root of the number of values."""
    if not values:
        return []
    edges = nice(min(values), max(values), min(40, max(4, math.isqrt(len(values)))))
    counts = [0] * (len(edges) - 1)
    width = (edges[-1] - edges[0]) / len(counts)
    for value in values:
        counts[min(len(counts) - 1, max(0, int((value - edges[0]) / width)))] += 1
    return [(edges[i], edges[i + 1], float(count)) for i, count in enumerate(counts)]


def _merged(buckets: list[Counted]) -> list[Counted]:
    """Neighbours drawn as one where there are more than a plot can show."""
    size = math.ceil(len(buckets) / MOST_DRAWN)
    if size == 1:
        return buckets
    groups = [buckets[i : i + size] for i in range(0, len(buckets), size)]
    return [(g[0][0], max(b[1] for b in g), sum(b[2] for b in g)) for g in groups]


def _sizes(chart: Histogram, drawn: list[Counted]) -> Sizes:
    # A mark outside of the buckets widens the axis: a p99 at the edge would be a lie.
    also = [v for mark in chart.marks if (v := number(mark.value)) is not None]
    also += [v for line in chart.thresholds if (v := number(line.value)) is not None]
    low = min([drawn[0][0], *also])
    high = max([*(high for _, high, _ in drawn), *also])
    if chart.log and high > 0:
        positive = [v for b in drawn for v in b[:2] if v > 0] + [v for v in also if v > 0]
        low = max(min(positive), high / 1e12)
        if high > low:
            return Sizes(Scale(math.log10(low), math.log10(high)), True)
    if high <= low:
        low, high = low - (abs(low) * 0.1 or 0.5), high + (abs(high) * 0.1 or 0.5)
    return Sizes(Scale(low, high), False)


def _axis(chart: Histogram, sizes: Sizes) -> list[tuple[float, str, str]]:
    if not sizes.log:
        return plot.x_marks(sizes.scale, False, zone("UTC"), chart.unit)
    found = decades(10**sizes.scale.low, 10**sizes.scale.high)
    step = max(1, math.ceil(len(found) / 4))
    return [
        (sizes.pct(at), axis_labels([at], chart.unit)[0], "" if i % step == 0 else "chart-wide")
        for i, at in enumerate(found)
    ]


def _bar(chart: Histogram, bucket: Counted, sizes: Sizes, axis: Axis) -> SafeString:
    low, high, count = bucket
    left, right = sizes.pct(low), sizes.pct(high)
    if right - left < 0.4:  # a bucket without width still counted something
        left, right = max(0.0, left - 0.2), min(100.0, max(0.0, left - 0.2) + 0.4)
    top = axis.at(count)
    share = (right - left) * 0.94
    unit = chart.unit
    words = f"{format_value(low, unit)} to {format_value(high, unit)}: {format_value(count)}"
    return tag(
        "rect",
        tag("title", words),
        x=pct(left),
        y=top if count else TOP + axis.height,
        width=pct(share),
        height=max(TOP + axis.height - top, 1.0) if count else 0.0,
        class_="chart-bar s1",
    )


def _marks(chart: Histogram, sizes: Sizes, axis: Axis) -> SafeString:
    """Percentiles dashed, limits solid; words step down a line where they would overlap."""
    lines = [(number(mark.value), mark.label, "chart-percentile") for mark in chart.marks]
    lines += [
        (number(line.value), line.label or line.kind, f"chart-{line.kind}")
        for line in chart.thresholds
    ]
    parts: list[SafeString] = []
    taken: list[list[tuple[float, float]]] = [[] for _ in range(4)]
    for value, label, class_ in sorted(
        (line for line in lines if line[0] is not None), key=lambda line: line[0] or 0.0
    ):
        at = sizes.pct(value or 0.0)
        x, turned = pct(at), at > 60
        words = f"{clip(label, 24)} {format_value(value, chart.unit)}"
        wide = (len(words) * 6.6 + 12) / PHONE * 100
        edges = (at - wide, at) if turned else (at, at + wide)
        level = _level(taken, edges)
        taken[level].append(edges)
        text = tag(
            "text", words, x=-5 if turned else 5, y=0, text_anchor="end" if turned else "start"
        )
        parts += [
            tag("line", x1=x, x2=x, y1=4, y2=TOP + axis.height, class_=class_),
            tag("svg", text, x=x, y=12.0 + 15 * level, class_=f"{class_}-label"),
        ]
    return join(parts)


def _level(taken: list[list[tuple[float, float]]], edges: tuple[float, float]) -> int:
    """The first line of words with room between these edges; the last where none has."""
    for level, spans in enumerate(taken):
        if all(edges[1] <= low or edges[0] >= high for low, high in spans):
            return level
    return len(taken) - 1


def _summary(chart: Histogram, buckets: list[Counted]) -> str:
    unit, total = chart.unit, sum(count for _, _, count in buckets)
    low, high, most = max(buckets, key=lambda bucket: bucket[2])
    filled = [bucket for bucket in buckets if bucket[2]]
    facts = [
        f"{format_value(total)} values from {format_value(filled[0][0], unit)}"
        f" to {format_value(filled[-1][1], unit)}",
        f"most ({format_value(most)}) between {format_value(low, unit)}"
        f" and {format_value(high, unit)}",
    ]
    facts += [
        f"{clip(mark.label, 24)} {format_value(value, unit)}"
        for mark in chart.marks
        if (value := number(mark.value)) is not None
    ]
    for line in chart.thresholds:
        if (limit := number(line.value)) is not None and total:
            over = sum(count for low, _, count in buckets if low >= limit)
            facts.append(f"{format_value(over / total, 'ratio')} above {format_value(limit, unit)}")
    return frame.sentence(chart, *facts)


def _table(chart: Histogram, buckets: list[Counted], drawn: int) -> frame.Table:
    total = sum(count for _, _, count in buckets)
    lines, seen = [], 0.0
    for low, high, count in buckets:
        seen += count
        lines.append(
            [
                f"{format_value(low, chart.unit)} to {format_value(high, chart.unit)}",
                format_value(count),
                format_value(seen / total, "ratio"),
            ]
        )
    words = f"Drawn as {drawn} bars of several buckets each." if drawn < len(buckets) else ""
    return frame.Table(["From, to", "Count", "Up to here"], lines, words)
