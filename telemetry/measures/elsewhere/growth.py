"""How fast the memory of processes grows: what a leak looks like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from telemetry.measures.grains import HOUR, STEPS, floor, minutes_since
from telemetry.measures.kinds import NO_DATA, Filters, Period, Reading, get
from telemetry.measures.reading import series

_STEP = STEPS["15m"]
_FINE_FOR = timedelta(days=8)  # longer windows are told of by the hour
_LOOK_BACK = timedelta(days=60)  # nobody looks for a leak further back
Compute = Callable[[int | None, Sequence[Period], str, Filters], list[Mapping[str, Reading]]]


def over(slug: str, dimension: str) -> Compute:
    """Of what that measure tells, for each of the dimension."""

    def compute(
        workspace_id: int | None, periods: Sequence[Period], group_by: str, filters: Filters
    ) -> list[Mapping[str, Reading]]:
        return _over(slug, dimension, workspace_id, periods, group_by, filters)

    return compute


def _over(
    slug: str,
    dimension: str,
    workspace_id: int | None,
    periods: Sequence[Period],
    group_by: str,
    filters: Filters,
) -> list[Mapping[str, Reading]]:
    """At the end of each period: the last quarter of an hour beside the one an hour before; the
    last hour beside the one before where the window is long or long ago."""
    if not periods:
        return []
    start, end = periods[0][1] - HOUR - 2 * _STEP, periods[-1][1]
    fine = start >= minutes_since() and end - start <= _FINE_FOR
    step = _STEP if fine else HOUR
    first = floor(max(start, end - _LOOK_BACK), step)
    told = series(
        get(slug), workspace_id, first, end, step=step, group_by=dimension, filters=filters
    )
    known = {
        one: {point.at: point.value for point in line if point.value is not None}
        for one, line in told.groups.items()
    }
    answers: list[Mapping[str, Reading]] = []
    for _, at in periods:
        last = floor(at - timedelta(microseconds=1), step)
        grown = {one: reading for one, line in known.items() if (reading := _grown(line, last))}
        worst = max(grown.values(), key=lambda reading: reading.value or 0.0, default=NO_DATA)
        answers.append(grown if group_by else {"": worst})
    return answers


def _grown(values: Mapping[datetime, float], last: datetime) -> Reading | None:
    now, before = values.get(last), values.get(last - HOUR)
    if now is None or not before:
        return None
    return Reading(100.0 * (now - before) / before, 2)
