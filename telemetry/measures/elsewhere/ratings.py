"""The mean of ratings: they are counted by value, so the mean is a sum over the values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from telemetry.measures.answers import Part
from telemetry.measures.asking import ask
from telemetry.measures.grains import DAY, pieces
from telemetry.measures.kinds import NO_DATA, Filters, Period, Reading, Selection

_FEEDBACK = Selection(("feedback_submitted",))


def mean(
    workspace_id: int | None, periods: Sequence[Period], group_by: str, filters: Filters
) -> list[Mapping[str, Reading]]:
    """In one statement: the periods are the steps of a chart, or a single window."""
    if not periods:
        return []
    part = Part(_FEEDBACK.narrowed(filters), "total")
    start, end = periods[0][0], periods[-1][1]
    step = periods[0][1] - start if len(periods) > 1 else None
    found = ask(workspace_id, pieces(start, end, step or DAY), [part], step=step, group_by="code")
    totals: dict[datetime, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for (at, rating), figures in found.figures.items():
        number = _number(rating)
        if number is not None:
            total = totals[at or start]
            total[0] += number * figures[part]
            total[1] += figures[part]
    return [{"": _mean(*totals[at])} if at in totals else {"": NO_DATA} for at, _ in periods]


def _mean(total: float, count: float) -> Reading:
    return Reading(total / count, int(count))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
