"""What tool sessions cost, from their rows: a session has a sum, which no sum over time shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

from django.db import connection

from telemetry.measures.kinds import NO_DATA, Filters, Period, Reading
from telemetry.measures.sharing import once

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
    """Of the sessions last heard of in each period, in one statement."""
    found: list[dict[str, Reading]] = [{} if group_by else {"": NO_DATA} for _ in periods]
    if not periods or set(filters) - _KNOWN:  # a session has no other dimension
        return list(found)
    statement, values = _question(workspace_id, group_by, filters)
    starts, ends = [start for start, _ in periods], [end for _, end in periods]
    asked = [limit, starts, ends, min(starts), max(ends), *values]
    for number, group, *figures in once((statement, repr(asked)), lambda: _rows(statement, asked)):
        row = dict(zip(("sessions", "most", "mean", "over"), figures, strict=True))
        found[number - 1][group] = _reading(row, what)
    return list(found)


def _rows(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def by(what: What, limit: float) -> Any:
    return partial(compute, what=what, limit=limit)


def _question(workspace_id: int | None, group_by: str, filters: Filters) -> tuple[str, list[Any]]:
    tests = ["s.workspace_id IS NULL" if workspace_id is None else "s.workspace_id = %s"]
    values: list[Any] = [] if workspace_id is None else [workspace_id]
    if "agent" in filters:
        asked = filters["agent"]
        tests.append("s.agent = ANY(%s)")
        values.append([asked] if isinstance(asked, str) else list(asked))
    group = "s.agent" if group_by == "agent" else "''"
    return (
        f"SELECT p.number, {group}, count(*), max(s.tokens), avg(s.tokens)::float8,"  # noqa: S608
        " count(*) FILTER (WHERE s.tokens > %s)"
        " FROM unnest(%s::timestamptz[], %s::timestamptz[])"
        " WITH ORDINALITY AS p(starts, ends, number)"
        " JOIN telemetry_toolsession s ON s.last_at >= p.starts AND s.last_at < p.ends"
        " AND s.last_at >= %s AND s.last_at < %s"
        f" WHERE {' AND '.join(tests)} GROUP BY 1, 2",
        values,
    )


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
