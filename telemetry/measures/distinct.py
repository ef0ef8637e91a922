"""Figures that count different things, which no sum over events can: missions, people, agents.

Missions come from the day's list of what each mission reported. Who is active now is asked of the
events themselves, over the last quarter of an hour only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from telemetry.measures.kinds import ANY, NO_DATA, Filters, Measure, Period, Reading, Selection

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
    measures: Sequence[Measure], workspace_id: int | None, at: datetime, filters: Filters
) -> dict[str, Reading]:
    """How many different ones reported something in the quarter of an hour before."""
    if not measures:
        return {}
    outputs: list[str] = []
    values: list[Any] = []
    for each in measures:
        if each.distinct not in COLUMNS:
            raise ValueError(f"measure {each.slug}: {each.distinct} is not counted")
        test, more = _reported(each.numerator[0].narrowed(filters))
        outputs.append(
            f"count(DISTINCT {each.distinct}) FILTER (WHERE {test} AND {each.distinct} <> '')"
        )
        outputs.append(f"count(*) FILTER (WHERE {test})")
        values += [*more, *more]
    where = "workspace_id IS NULL" if workspace_id is None else "workspace_id = %s"
    statement = (
        f"SELECT {', '.join(outputs)} FROM telemetry_events"  # noqa: S608
        f" WHERE {where} AND occurred_at >= %s AND occurred_at < %s"
    )
    values += [] if workspace_id is None else [workspace_id]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, at - ACTIVE_FOR, at])
        row = cursor.fetchone()
    found = zip(measures, row[::2], row[1::2], strict=True)
    return {
        each.slug: Reading(float(different), int(seen)) if seen else NO_DATA
        for each, different, seen in found
    }


def _reported(selection: Selection) -> tuple[str, list[Any]]:
    tests, values = [], []
    for name, allowed in (("event_type", selection.events), *selection.where.items()):
        if allowed != ANY:
            tests.append(f"{name} = ANY(%s)")
            values.append(list(allowed))
    return " AND ".join(tests) or "true", values
