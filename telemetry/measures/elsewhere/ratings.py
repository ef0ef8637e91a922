"""The mean of ratings: they are counted by value, so the mean is a sum over the values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from telemetry.measures.asking import Part, ask
from telemetry.measures.grains import DAY, pieces
from telemetry.measures.kinds import NO_DATA, Filters, Period, Reading, Selection

_FEEDBACK = Selection(("feedback_submitted",))


def mean(
    workspace_id: int | None, periods: Sequence[Period], group_by: str, filters: Filters
) -> list[Mapping[str, Reading]]:
    return [{"": _of_period(workspace_id, period, filters)} for period in periods]


def _of_period(workspace_id: int | None, period: Period, filters: Filters) -> Reading:
    part = Part(_FEEDBACK.narrowed(filters), "total")
    start, end = period
    found = ask(workspace_id, pieces(start, end, DAY), [part], group_by="code")
    total, count = 0.0, 0
    for (_, rating), figures in found.figures.items():
        number = _number(rating)
        if number is not None:
            total += number * figures[part]
            count += int(figures[part])
    return Reading(total / count, count) if count else NO_DATA


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
