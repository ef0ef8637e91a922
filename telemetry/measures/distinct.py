"""Figures that count different things, which no sum over events can: missions, people, agents.

Missions come from the day's list of what each mission reported. Who is active now is asked of the
events themselves, over the last quarter of an hour only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from telemetry.measures.kinds import NO_DATA, Measure, Period, Reading, Selection

ACTIVE_FOR = timedelta(minutes=15)
COLUMNS = frozenset({"user_ref", "agent", "mission", "session"})

_MISSIONS = """
WITH period AS (
    SELECT * FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[])
        WITH ORDINALITY AS p(starts, ends, number)
), seen AS (
    SELECT p.number, m.mission, {tests}
    FROM period p
    JOIN telemetry_missionday m
      ON m.day >= (p.starts AT TIME ZONE 'UTC')::date
     AND m.day <= (p.ends AT TIME ZONE 'UTC')::date
     AND m.first_at < p.ends AND m.last_at >= p.starts
    WHERE m.workspace_id {workspace}
      AND m.event_type = ANY(%(events)s)
      AND m.day >= %(first)s AND m.day <= %(last)s
    GROUP BY p.number, m.mission
)
SELECT number, {counts} FROM seen GROUP BY number
"""


def missions(
    measures: Sequence[Measure], workspace_id: int | None, periods: Sequence[Period]
) -> dict[str, list[Reading]]:
    """How many missions reported one of a measure's events in each period; of a share, how many
    of those that reported the whole's. Days are the grain: a mission that reported before and
    after a short period of one day counts in it."""
    if not periods or not measures:
        return {each.slug: [] for each in measures}
    tests, counts, values = _columns(measures)
    statement = _MISSIONS.format(
        tests=", ".join(tests),
        counts=", ".join(counts),
        workspace="IS NULL" if workspace_id is None else "= %(workspace)s",
    )
    parameters = {
        **values,
        "starts": [start for start, _ in periods],
        "ends": [end for _, end in periods],
        "workspace": workspace_id,
        "events": sorted({name for each in measures for name in each.events}),
        "first": min(start for start, _ in periods).astimezone(UTC).date(),
        "last": max(end for _, end in periods).astimezone(UTC).date(),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found = {int(number): figures for number, *figures in cursor.fetchall()}
    return {
        each.slug: [_mission_reading(each, found.get(n), place) for n in range(1, len(periods) + 1)]
        for place, each in enumerate(measures)
    }


def _columns(measures: Sequence[Measure]) -> tuple[list[str], list[str], dict[str, Any]]:
    tests, counts = [], []
    values: dict[str, Any] = {}
    for place, each in enumerate(measures):
        of, more = _test(f"of_{place}", each.numerator)
        over, others = _test(f"over_{place}", each.denominator or each.numerator)
        values |= {**more, **others}
        tests += [f"bool_or({of}) AS of_{place}", f"bool_or({over}) AS over_{place}"]
        within = f" AND over_{place}" if each.statistic == "missions_share" else ""
        counts.append(f"count(*) FILTER (WHERE of_{place}{within})")
        counts.append(f"count(*) FILTER (WHERE over_{place})")
    return tests, counts, values


def _mission_reading(measure: Measure, found: Sequence[int] | None, place: int) -> Reading:
    if found is None:
        return NO_DATA
    some, whole = found[2 * place], found[2 * place + 1]
    if not some and not whole:
        return NO_DATA
    if measure.statistic == "missions":
        return Reading(float(some), max(some, whole))
    return Reading(100.0 * some / whole, whole) if whole else NO_DATA


def _test(name: str, selections: Sequence[Selection]) -> tuple[str, dict[str, Any]]:
    """A mission day knows its event and how many of them failed, nothing else."""
    texts, values = [], {}
    for number, each in enumerate(selections):
        key = f"{name}_{number}"
        failed = " AND m.errors > 0" if each.status == "error" else ""
        texts.append(f"(m.event_type = ANY(%({key})s){failed})")
        values[key] = list(each.events)
    return " OR ".join(texts), values


def active(
    measure: Measure, workspace_id: int | None, at: datetime, filters: Mapping[str, Sequence[str]]
) -> Reading:
    """How many different ones reported something in the quarter of an hour before."""
    if measure.distinct not in COLUMNS:
        raise ValueError(f"measure {measure.slug}: {measure.distinct} is not counted")
    column = measure.distinct
    tests = ["workspace_id IS NULL" if workspace_id is None else "workspace_id = %s"]
    values: list[Any] = [] if workspace_id is None else [workspace_id]
    narrowed = measure.numerator[0].narrowed(filters)
    for name, allowed in (("event_type", narrowed.events), *narrowed.where.items()):
        if allowed != ("*",):
            tests.append(f"{name} = ANY(%s)")
            values.append(list(allowed))
    statement = (
        f"SELECT count(DISTINCT {column}) FILTER (WHERE {column} <> ''), count(*)"  # noqa: S608
        f" FROM telemetry_events WHERE {' AND '.join(tests)}"
        " AND occurred_at >= %s AND occurred_at < %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, at - ACTIVE_FOR, at])
        different, seen = cursor.fetchone()
    return Reading(float(different), int(seen)) if seen else NO_DATA
