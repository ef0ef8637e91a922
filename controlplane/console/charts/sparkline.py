"""A line the size of a word. It stands beside its number, so it carries no axis."""

from __future__ import annotations

from controlplane.console.charts import sampling
from controlplane.console.charts.data import Sparkline, number
from controlplane.console.charts.plot import Scale
from controlplane.console.charts.sampling import Point
from controlplane.console.charts.svg import SafeString, clip, join, num, pct, stretched, tag
from controlplane.console.charts.units import format_value

HEIGHT, PAD = 24.0, 3.0


def render(chart: Sparkline) -> SafeString:
    values = [number(value) for value in chart.values]
    measured = [value for value in values if value is not None]
    if not measured:
        return tag("span", "no data", class_="chart-spark-none", title=clip(chart.title, 120))
    points: list[Point] = [(float(i), value) for i, value in enumerate(values)]
    limit = number(chart.threshold.value) if chart.threshold else None
    every = measured if limit is None else [*measured, limit]
    scale, x = Scale(min(every), max(every)), Scale(0.0, float(max(1, len(values) - 1)))

    def y(value: float) -> float:
        return PAD + (1 - scale.share(value)) * (HEIGHT - 2 * PAD)

    runs = sampling.segments(sampling.thin(points, columns=100, limit=400))
    paths = [
        tag(
            "path",
            d="M" + "L".join(f"{num(x.wide(a))} {num(y(v))}" for a, v in run),
            class_="chart-line s1",
        )
        for run in runs
        if len(run) > 1
    ]
    dots = [
        tag("circle", cx=pct(x.pct(r[0][0])), cy=y(r[0][1]), r=1.5, class_="chart-point s1")
        for r in runs
        if len(r) == 1
    ]
    last = max(i for i, value in enumerate(values) if value is not None)
    line = (
        ""
        if limit is None
        else tag("line", x1="0%", x2="100%", y1=y(limit), y2=y(limit), class_="chart-limit")
    )
    return tag(
        "svg",
        tag("title", clip(chart.title, 120)),
        tag("desc", summary(chart, measured)),
        line,
        stretched(*paths, top=0.0, height=HEIGHT),
        join(dots[:50]),
        tag(
            "circle",
            cx=pct(x.pct(float(last))),
            cy=y(values[last] or 0.0),
            r=2.5,
            class_="chart-point s1",
        ),
        width=96,
        height=HEIGHT,
        role="img",
        class_="chart-spark",
    )


def summary(chart: Sparkline, measured: list[float]) -> str:
    low, high, last = (
        format_value(value, chart.unit) for value in (min(measured), max(measured), measured[-1])
    )
    head = f"{clip(chart.title, 120)}{f', {clip(chart.period, 80)}' if chart.period else ''}"
    if low == high:
        return f"{head}: {last}, unchanged throughout."
    return f"{head}: {last} now, between {low} and {high}."
