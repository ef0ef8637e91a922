"""How fast the memory of processes grows: what a leak looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from telemetry.measures.grains import HOUR, STEPS, floor
from telemetry.measures.kinds import NO_DATA, Filters, Period, Reading, get
from telemetry.measures.reading import series

_STEP = STEPS["15m"]
_RSS = "process.rss"


def compute(
    workspace_id: int | None, periods: Sequence[Period], group_by: str, filters: Filters
) -> list[Mapping[str, Reading]]:
    """At the end of each period: the last quarter of an hour beside the one an hour before."""
    if not periods:
        return []
    first = floor(periods[0][1] - HOUR - 2 * _STEP, _STEP)
    lines = series(
        get(_RSS), workspace_id, first, periods[-1][1], step=_STEP, group_by="code", filters=filters
    )
    known = {
        role: {point.at: point.value for point in line if point.value is not None}
        for role, line in lines.groups.items()
    }
    answers: list[Mapping[str, Reading]] = []
    for _, end in periods:
        grown = {role: reading for role, at in known.items() if (reading := _grown(at, end))}
        worst = max(grown.values(), key=lambda reading: reading.value or 0.0, default=NO_DATA)
        answers.append(grown if group_by else {"": worst})
    return answers


def _grown(values: Mapping[datetime, float], end: datetime) -> Reading | None:
    last = floor(end - timedelta(microseconds=1), _STEP)
    now, before = values.get(last), values.get(last - HOUR)
    if now is None or not before:
        return None
    return Reading(100.0 * (now - before) / before, 2)
