"""Missions with findings of the validator, of those that executed.

A mission's day knows its events and how many of them failed; how grave a finding is and what
became of it stand in the events themselves. There are few, so those are read, by mission. Of days
whose events are gone, what failed is a finding.

A finding was violated where it failed, or is grave, and was not fixed. It was escalated where it
is grave and was not fixed, or where somebody asked to override it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from django.db import connection

from telemetry.measures.kinds import NO_DATA, Filters, Period, Reading
from telemetry.measures.sharing import once

ALERT, OVERRIDE = "validator_alert_raised", "validator_override_requested"
EXECUTED = ("execution_started", "execution_step_completed")
FIXED = ("applied", "fixed", "auto_fixed", "success", "succeeded")
GRAVE = ("high", "critical")

_QUERY = """
WITH period AS (
    SELECT * FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[])
        WITH ORDINALITY AS p(starts, ends, number)
), executed AS (
    SELECT DISTINCT p.number, p.starts, p.ends, m.mission
    FROM period p JOIN telemetry_missionday m
      ON m.day >= (p.starts AT TIME ZONE 'UTC')::date AND m.day <= (p.ends AT TIME ZONE 'UTC')::date
     AND m.first_at < p.ends AND m.last_at >= p.starts
    WHERE m.workspace_id {workspace} AND m.event_type = ANY(%(executed)s)
      AND m.day >= %(first)s AND m.day <= %(last)s
), told AS (
    SELECT * FROM telemetry_missionday
    WHERE workspace_id {workspace} AND event_type IN (%(alert)s, %(override)s)
      AND day >= %(first)s AND (%(later)s OR day <= %(last)s)
), alert AS (
    SELECT t.mission, coalesce(e.occurred_at, t.first_at) AS at,
        coalesce(e.status = 'error', t.errors > 0) AS failed,
        lower(e.context ->> 'severity') AS severity
    FROM told t LEFT JOIN LATERAL (
        SELECT occurred_at, status, code, context FROM telemetry_events
        WHERE mission = t.mission AND workspace_id {workspace} AND event_type = t.event_type
          AND occurred_at >= t.first_at AND occurred_at <= t.last_at
    ) e ON true
    WHERE t.event_type = %(alert)s AND NOT coalesce(lower(e.code) = ANY(%(fixed)s), false)
), finding AS (
    SELECT mission, at, failed OR coalesce(severity = ANY(%(grave)s), false) AS violated,
        coalesce(severity = ANY(%(grave)s), failed) AS escalated
    FROM alert
    UNION ALL SELECT mission, first_at, false, true FROM told WHERE event_type = %(override)s
    UNION ALL SELECT mission, last_at, false, true FROM told WHERE event_type = %(override)s
), mission AS (
    SELECT x.number, x.mission, coalesce(bool_or(f.violated), false) AS violated,
        coalesce(bool_or(f.escalated), false) AS escalated
    FROM executed x LEFT JOIN finding f ON f.mission = x.mission
        AND f.at >= x.starts AND (%(later)s OR f.at < x.ends)
    GROUP BY 1, 2
)
SELECT number, count(*), count(*) FILTER (WHERE violated), count(*) FILTER (WHERE escalated)
FROM mission GROUP BY number
"""


@dataclass(frozen=True, slots=True)
class Missions:
    """Of one period."""

    executed: int = 0
    violated: int = 0
    escalated: int = 0


def missions(
    workspace_id: int | None,
    periods: Sequence[Period],
    executed: Sequence[str] = EXECUTED,
    *,
    later: bool = False,
) -> list[Missions]:
    """`executed`: what a mission of a period reported in it. `later`: what was found after the
    period's end counts for these missions too."""
    if not periods:
        return []
    statement = _QUERY.format(
        workspace="IS NULL" if workspace_id is None else "= %(workspace)s",
    )
    parameters = {
        "workspace": workspace_id,
        "starts": [start for start, _ in periods],
        "ends": [end for _, end in periods],
        "first": min(start for start, _ in periods).astimezone(UTC).date(),
        "last": max(end for _, end in periods).astimezone(UTC).date(),
        "executed": list(executed),
        "later": later,
        "alert": ALERT,
        "override": OVERRIDE,
        "fixed": list(FIXED),
        "grave": list(GRAVE),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found = {int(number): Missions(*figures) for number, *figures in cursor.fetchall()}
    return [found.get(number, Missions()) for number in range(1, len(periods) + 1)]


def _shared(workspace_id: int | None, periods: Sequence[Period]) -> list[Missions]:
    key = ("findings", workspace_id, tuple(periods))
    return once(key, lambda: missions(workspace_id, periods))


def _share(some: int, whole: int) -> Mapping[str, Reading]:
    return {"": Reading(100.0 * some / whole, whole) if whole else NO_DATA}


def violated(
    workspace_id: int | None, periods: Sequence[Period], group_by: str, filters: Filters
) -> list[Mapping[str, Reading]]:
    return [_share(each.violated, each.executed) for each in _shared(workspace_id, periods)]


def escalated(
    workspace_id: int | None, periods: Sequence[Period], group_by: str, filters: Filters
) -> list[Mapping[str, Reading]]:
    return [_share(each.escalated, each.executed) for each in _shared(workspace_id, periods)]
