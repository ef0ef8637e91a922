"""What a chart shows, in one sentence: for those who don't see it, and those in a hurry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from controlplane.console.charts import frame, sampling
from controlplane.console.charts.data import Line, Threshold, is_moment, number
from controlplane.console.charts.sampling import Point
from controlplane.console.charts.svg import clip
from controlplane.console.charts.units import format_value

When = Callable[[float], str]


def of_lines(chart: Line, series: Sequence[tuple[str, list[Point]]], when: When) -> str:
    """The first three series told one by one; of more, how many there are and which is highest."""
    measured = [
        (name, points) for name, points in series if any(value is not None for _, value in points)
    ]
    if len(series) == 1:
        return frame.sentence(chart, *_facts(chart, measured[0][1], when))
    told = [
        f"{clip(name, 40)} {', '.join(_facts(chart, points, when, alone=False))}"
        for name, points in measured[:3]
    ]
    if len(measured) > 3:
        name, _ = max(measured, key=lambda one: max(v for _, v in one[1] if v is not None))
        told.append(f"{len(measured) - 3} more; highest of all is {clip(name, 40)}")
    told += _kept(chart, measured)
    silent = len(series) - len(measured)
    if silent:
        told.append(f"{silent} without data")
    return f"{frame.head(chart)}{'; '.join(told)}."


def _facts(chart: Line, points: Sequence[Point], when: When, *, alone: bool = True) -> list[str]:
    measured = [(x, value) for x, value in points if value is not None]
    values = [value for _, value in measured]
    last = format_value(values[-1], chart.unit)
    if len(measured) == 1:
        return [f"{last} at {when(measured[0][0])}, the only value"]
    now = "now" if points[-1][1] is not None else f"last seen at {when(measured[-1][0])}"
    facts = [f"{last} {now}"]
    if max(values) == min(values):
        facts.append("unchanged throughout")
    else:
        at, highest = max(measured, key=lambda point: point[1])
        facts.append(f"highest {format_value(highest, chart.unit)} at {when(at)}")
    timed = any(is_moment(x) for one in chart.series for x, _ in one.points[:1])
    crossed = [_crossed(line, chart, points, timed) for line in chart.thresholds]
    # Of several series only those that cross are told so; that all keep to a line is said once.
    facts += [fact for fact in crossed if alone or not fact.startswith("never")]
    return [fact for fact in facts if fact]


def _kept(chart: Line, measured: Sequence[tuple[str, list[Point]]]) -> list[str]:
    found = [
        {_crossed(line, chart, points, timed=True) for _, points in measured}
        for line in chart.thresholds
    ]
    told = [next(iter(one)) for one in found if len(one) == 1]
    return [words.replace("never", "none ever", 1) for words in told if words.startswith("never")]


def _crossed(line: Threshold, chart: Line, points: Sequence[Point], timed: bool) -> str:
    limit = number(line.value)
    if limit is None:
        return ""
    words = f"the {format_value(limit, chart.unit)} {'target' if line.kind == 'target' else 'line'}"
    if line.worse == "below":
        flipped = [(x, None if value is None else -value) for x, value in points]
        length, ever = beyond(flipped, -limit, chart.gap)
    else:
        length, ever = beyond(points, limit, chart.gap)
    if not ever:
        return f"never {line.worse} {words}"
    if not timed or length < 1:
        return f"{line.worse} {words} at {ever} {'point' if ever == 1 else 'points'}"
    return f"{line.worse} {words} for {format_value(length, 's')}"


def beyond(points: Sequence[Point], limit: float, gap: float | None = None) -> tuple[float, int]:
    """(how long above the limit, points above it), along the drawn line between the points."""
    length = 0.0
    for run in sampling.segments(points, gap):
        for (x0, y0), (x1, y1) in pairwise(run):
            over0, over1 = y0 > limit, y1 > limit
            if over0 and over1:
                length += x1 - x0
            elif over0 != over1:
                share = (limit - y0) / (y1 - y0)
                length += (x1 - x0) * (share if over0 else 1 - share)
    return length, sum(1 for _, value in points if value is not None and value > limit)
