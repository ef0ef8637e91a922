"""What is usual: medians of the past, and the rule of the discovery ratio."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from controlplane.lib import clock
from controlplane.lib.defaults import define
from telemetry.measures.grains import DAY, HOUR, floor
from telemetry.measures.kinds import NO_DATA, Filters, Measure, Reading, get
from telemetry.measures.reading import read, series

Kind = Literal["weekday_hour", "median"]
DAYS = define(
    "telemetry.baseline_days", 28, unit="days", why="Latency and stage time: four whole weeks."
)
RATIO_DAYS = define(
    "telemetry.ratio_days",
    14,
    unit="days",
    why="Two weeks of the discovery ratio are its baseline.",
)
RATIO_CALLS = define(
    "telemetry.ratio_calls", 20, unit="calls", why="A day of fewer calls has no ratio to speak of."
)
RATIO_USABLE = define(
    "telemetry.ratio_usable_days", 7, unit="days", why="Fewer usable days are no baseline."
)
RATIO_LOW = define(
    "telemetry.ratio_low", 0.5, unit="times", why="Half the baseline is a deviation."
)
RATIO_HIGH = define(
    "telemetry.ratio_high", 2.0, unit="times", why="Twice the baseline is a deviation."
)
RATIO = "tool.discovery_ratio"
Verdict = Literal["insufficient_baseline", "insufficient_sample", "ok", "deviation"]


def baseline(
    measure: Measure,
    workspace_id: int | None,
    at: datetime,
    kind: Kind = "weekday_hour",
    days: int | None = None,
    *,
    filters: Filters | None = None,
) -> Reading:
    """What this measure usually is. `weekday_hour`: the median of the same hour of the same
    weekday in the weeks before, for traffic. `median`: of its daily figures, for durations. The
    sample is how many figures there were."""
    length = days or DAYS.value
    if kind == "weekday_hour":
        figures = _same_hours(measure, workspace_id, at, length, filters)
    else:
        figures = _daily(measure, workspace_id, at, length, filters)
    return Reading(median(figures), len(figures)) if figures else NO_DATA


def baseline_by_group(
    measure: Measure,
    workspace_id: int | None,
    at: datetime,
    group_by: str,
    days: int | None = None,
    *,
    filters: Filters | None = None,
) -> dict[str, Reading]:
    """The daily medians of each group, in one question."""
    end = floor(at, DAY)
    start = end - timedelta(days=days or DAYS.value)
    found = series(measure, workspace_id, start, end, step=DAY, group_by=group_by, filters=filters)
    known = {
        name: [point.value for point in line if point.value is not None]
        for name, line in found.groups.items()
    }
    return {name: Reading(median(some), len(some)) for name, some in known.items() if some}


def _same_hours(
    measure: Measure, workspace_id: int | None, at: datetime, days: int, filters: Filters | None
) -> list[float]:
    hour = floor(at, HOUR)
    figures = []
    for week in range(1, days // 7 + 1):
        start = hour - timedelta(weeks=week)
        found = read(measure, workspace_id, start, start + HOUR, filters=filters)
        if (value := found[""].value) is not None:
            figures.append(value)
    return figures


def _daily(
    measure: Measure, workspace_id: int | None, at: datetime, days: int, filters: Filters | None
) -> list[float]:
    end = floor(at, DAY)
    found = series(
        measure, workspace_id, end - timedelta(days=days), end, step=DAY, filters=filters
    )
    return [
        point.value for line in found.groups.values() for point in line if point.value is not None
    ]


@dataclass(frozen=True, slots=True)
class RatioCheck:
    """How a day's discoveries relate to its tool calls, beside what is usual."""

    verdict: Verdict
    ratio: float | None
    baseline: float | None
    calls: int
    usable_days: int


def discovery_ratio(workspace_id: int, day: datetime | None = None) -> RatioCheck:
    """The rule over the day that contains this moment (today, so far). Days with few calls are
    left out of the baseline, and a day with few calls is not judged."""
    start = floor(day or clock.now(), DAY)
    days = series(
        get(RATIO), workspace_id, start - timedelta(days=RATIO_DAYS.value), start + DAY, step=DAY
    )
    points = days.groups.get("", [])
    today = next((point for point in points if point.at == start), None)
    usual = [
        point.value
        for point in points
        if point.at < start and point.value is not None and point.sample >= RATIO_CALLS.value
    ]
    calls = today.sample if today is not None else 0
    ratio = today.value if today is not None else None
    level = median(usual) if usual else None
    return RatioCheck(_verdict(ratio, calls, level, len(usual)), ratio, level, calls, len(usual))


def _verdict(ratio: float | None, calls: int, level: float | None, usable: int) -> Verdict:
    if usable < RATIO_USABLE.value or level is None:
        return "insufficient_baseline"
    if ratio is None or calls < RATIO_CALLS.value:
        return "insufficient_sample"
    if RATIO_LOW.value * level <= ratio <= RATIO_HIGH.value * level:
        return "ok"
    return "deviation"
