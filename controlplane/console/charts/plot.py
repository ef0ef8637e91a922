"""The ground of a chart with two axes: scales, grid, ticks, and the boxes to hover over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from controlplane.console.charts import ticks as tick
from controlplane.console.charts.data import Threshold, number
from controlplane.console.charts.svg import (
    WIDTH,
    SafeString,
    clip,
    join,
    marker,
    pct,
    series_class,
    tag,
)
from controlplane.console.charts.units import axis_labels, format_value

TOP, BOTTOM = 20.0, 24.0
HEIGHTS = {"small": 96.0, "medium": 176.0, "large": 280.0}


@dataclass(frozen=True, slots=True)
class Scale:
    low: float
    high: float

    def share(self, value: float) -> float:
        span = self.high - self.low
        if span <= 0:
            return 0.5
        return min(1.0, max(0.0, (value - self.low) / span))

    def pct(self, value: float) -> float:
        return self.share(value) * 100

    def wide(self, value: float) -> float:
        return self.share(value) * WIDTH


@dataclass(frozen=True, slots=True)
class Axis:
    """The y axis of a plot `height` pixels high."""

    scale: Scale
    ticks: list[float]
    labels: list[str]
    height: float

    def y(self, value: float) -> float:
        return (1 - self.scale.share(value)) * self.height

    def at(self, value: float) -> float:
        return TOP + self.y(value)


def y_axis(low: float, high: float, unit: str, size: str) -> Axis:
    height = HEIGHTS.get(size, HEIGHTS["medium"])
    count = 2 if size == "small" else 5 if size == "medium" else 7
    found = tick.nice(low, high, count, unit)
    labels = axis_labels(found, unit)
    return Axis(Scale(found[0], found[-1]), found, labels, height)


def domain(values: Sequence[float], lines: Sequence[Threshold], zero: bool) -> tuple[float, float]:
    everything = list(values)
    everything += [value for line in lines if (value := number(line.value)) is not None]
    low, high = min(everything, default=0.0), max(everything, default=1.0)
    if zero:
        low, high = min(0.0, low), max(0.0, high)
    return (low, high) if high > low or low else (0.0, 1.0)


def axis_column(axis: Axis, unit: str) -> SafeString:
    """Labels beside the plot in a box as wide as the longest: no class, no width, no script."""
    widest = max((len(label) for label in axis.labels), default=1)
    texts = [
        tag("text", label, x="100%", y=axis.at(value) + 4, text_anchor="end")
        for value, label in zip(axis.ticks, axis.labels, strict=True)
    ]
    if unit and unit not in {"%", "ratio", "s", "ms", "bytes", "count"}:
        texts.append(tag("text", clip(unit, 12), x="0%", y=10.0, class_="chart-unit"))
    return tag(
        "svg",
        *texts,
        width=min(14, widest) * 6.9 + 8,
        height=TOP + axis.height + BOTTOM,
        class_="chart-axis",
        aria_hidden="true",
    )


def grid(axis: Axis) -> SafeString:
    return join(
        tag(
            "line",
            x1="0%",
            x2="100%",
            y1=axis.at(value),
            y2=axis.at(value),
            class_="chart-zero" if value == 0 else "chart-grid",
        )
        for value in axis.ticks
    )


def threshold_lines(lines: Sequence[Threshold], axis: Axis, unit: str) -> SafeString:
    parts: list[SafeString] = []
    written: list[float] = []  # where words stand already
    for line in lines:
        value = number(line.value)
        if value is None:
            continue
        y = axis.at(value)
        above = y - 5
        beside = y + 13 if any(abs(above - other) < 13 for other in written) else above
        written.append(beside)
        words = clip(line.label, 32) or ("target" if line.kind == "target" else "limit")
        text = f"{words} {format_value(value, unit)}"
        parts += [
            tag("line", x1="0%", x2="100%", y1=y, y2=y, class_=f"chart-{line.kind}"),
            tag(
                "text",
                text,
                x="100%",
                y=beside,
                text_anchor="end",
                class_=f"chart-{line.kind}-label",
            ),
        ]
    return join(parts)


# --- The x axis -------------------------------------------------------------------------------


def x_marks(
    scale: Scale, timed: bool, tz: tzinfo, unit: str = "", *, counts: tuple[int, int] = (8, 4)
) -> list[tuple[float, str, str]]:
    """(per cent, label, class): marks for a desk, and fewer for a phone, by container query."""
    wide, narrow = (_x_ticks(scale, timed, tz, unit, count) for count in counts)
    few = {at for at, _ in narrow}
    many = {at for at, _ in wide}
    marks = [(scale.pct(at), label, "" if at in few else "chart-wide") for at, label in wide]
    marks += [(scale.pct(at), label, "chart-narrow") for at, label in narrow if at not in many]
    return marks


def _x_ticks(
    scale: Scale, timed: bool, tz: tzinfo, unit: str, count: int
) -> list[tuple[float, str]]:
    if scale.high <= scale.low:
        return []
    if timed and (found := tick.time_ticks(scale.low, scale.high, tz, count)):
        return found
    found = list(
        zip(
            values := tick.nice(scale.low, scale.high, count, unit),
            axis_labels(values, unit),
            strict=True,
        )
    )
    return [(at, label) for at, label in found if scale.low <= at <= scale.high]


def x_axis(marks: Sequence[tuple[float, str, str]], height: float, top: float = TOP) -> SafeString:
    return join(x_label(at, label, top + height, class_) for at, label, class_ in marks)


def x_label(at: float, label: str, bottom: float, class_: str = "") -> SafeString:
    # Short words may stand out over the edge by half; long ones would leave the card.
    short = len(label) <= 6
    anchor = "middle" if short or 3 <= at <= 96 else "start" if at < 3 else "end"
    return tag(
        "g",
        tag("line", x1=pct(at), x2=pct(at), y1=bottom, y2=bottom + 4, class_="chart-tick"),
        tag("text", clip(label, 40), x=pct(at), y=bottom + 17, text_anchor=anchor),
        class_=f"chart-x {class_}".strip(),
    )


# --- Hovering ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dot:
    series: int
    y: float
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A column of the plot that shows its values while it is pointed at.

    A notable one (`key`: the latest, the highest, a deploy) can also be reached by Tab. All of
    them would be fifty stops on the way through a page; the table below holds every value.
    """

    left: float
    width: float
    at: float
    head: str
    dots: Sequence[Dot] = ()
    key: bool = False
    extra: Sequence[str] = field(default_factory=tuple)


def hits(found: Sequence[Hit], title: str, height: float) -> SafeString:
    """Above the picture, not within: what has role img hides its children from assistive tools."""
    return tag(
        "svg",
        *(_hit(hit, height) for hit in found),
        width="100%",
        height=TOP + height + BOTTOM,
        role="group",
        aria_label=f"Notable values of {clip(title, 120)}",
        class_="chart-hits",
    )


_SHOWN = 8


def _hit(hit: Hit, height: float) -> SafeString:
    names = [f"{dot.name} {dot.value}".strip() for dot in hit.dots] + list(hit.extra)
    spoken = clip(f"{hit.head}: {', '.join(names)}", 300)
    role: dict[str, str] = (
        {"tabindex": "0", "role": "img", "aria_label": spoken}
        if hit.key
        else {"aria_hidden": "true"}
    )
    at = pct(hit.at)
    return tag(
        "g",
        tag("rect", x=pct(hit.left), y=TOP, width=pct(hit.width), height=height),
        tag("line", x1=at, x2=at, y1=TOP, y2=TOP + height, class_="chart-cross"),
        *(
            tag("circle", cx=at, cy=dot.y, r=4, class_=f"chart-dot {series_class(dot.series)}")
            for dot in hit.dots
        ),
        _tip(hit),
        class_="chart-hit",
        **role,
    )


def _tip(hit: Hit) -> SafeString:
    """A small card at the column's side that has room; its width is guessed from its letters."""
    shown = hit.dots[:_SHOWN]
    rows = [(dot.series, clip(dot.name, 20), clip(dot.value, 18)) for dot in shown]
    more = [clip(text, 26) for text in hit.extra]
    if len(hit.dots) > _SHOWN:
        more.append(f"and {len(hit.dots) - _SHOWN} more")
    widths = [len(name) + len(value) + 4 for _, name, value in rows] + [len(t) for t in more]
    width = min(230.0, max([len(hit.head) + 1, *widths]) * 6.5 + 18)
    left = 10.0 if hit.at < 50 else -10.0 - width
    y = 35.0
    lines: list[str] = [
        tag("text", clip(hit.head, 34), x=left + 9, y=17.0, class_="chart-tip-head")
    ]
    for series, name, value in rows:
        lines.append(
            tag("svg", marker(series, "0", 0.0), x=left + 13, y=y - 4, class_="chart-mark")
        )
        lines.append(tag("text", name, x=left + 22, y=y))
        lines.append(
            tag("text", value, x=left + width - 9, y=y, text_anchor="end", class_="chart-num")
        )
        y += 17
    for text in more:
        lines.append(tag("text", text, x=left + 9, y=y))
        y += 17
    card = tag("rect", x=left, y=0.0, width=width, height=y - 8, rx=6)
    return tag("svg", card, *lines, x=pct(hit.at), y=TOP + 4, class_="chart-tip")
