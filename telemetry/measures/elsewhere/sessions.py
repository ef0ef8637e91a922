"""What tool sessions cost, from their rows: a session has a sum, which no sum over time shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

from django.db.models import Avg, Count, F, Max, Q

from telemetry.measures.kinds import NO_DATA, Filters, Period, Reading
from telemetry.models import ToolSession

What = Literal["max", "mean", "over", "count"]
_KNOWN = {"agent"}  # what a session's row can be split by


def compute(
    workspace_id: int | None,
    periods: Sequence[Period],
    group_by: str,
    filters: Filters,
    *,
    what: What,
    limit: float,
) -> list[Mapping[str, Reading]]:
    """Of the sessions last heard of in each period."""
    return [_one(workspace_id, period, group_by, filters, what, limit) for period in periods]


def by(what: What, limit: float) -> Any:
    return partial(compute, what=what, limit=limit)


def _one(
    workspace_id: int | None,
    period: Period,
    group_by: str,
    filters: Filters,
    what: What,
    limit: float,
) -> Mapping[str, Reading]:
    if set(filters) - _KNOWN:
        return {"": NO_DATA}  # a session has no such thing
    rows = ToolSession.objects.of(workspace_id).used(*period)
    for name, value in filters.items():
        asked = (value,) if isinstance(value, str) else tuple(value)
        rows = rows.filter(**{f"{name}__in": asked})
    key = F("agent") if group_by == "agent" else None
    sums: dict[str, Any] = {
        "sessions": Count("pk"),
        "most": Max("tokens"),
        "mean": Avg("tokens"),
        "over": Count("pk", filter=Q(tokens__gt=limit)),
    }
    if key is None:
        return {"": _reading(rows.aggregate(**sums), what)}
    found = rows.order_by().values(group=key).annotate(**sums)
    return {row["group"]: _reading(row, what) for row in found}


def _reading(row: Mapping[str, Any], what: What) -> Reading:
    number = row["sessions"]
    if not number:
        return NO_DATA
    value = {
        "max": row["most"],
        "mean": row["mean"],
        "over": 100.0 * row["over"] / number,
        "count": number,
    }[what]
    return Reading(float(value), number)
