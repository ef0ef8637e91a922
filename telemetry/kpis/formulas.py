"""The six business figures, as far as events tell of missions.

All but the last look at what each mission reported on each day, which is a small table whatever
the number of events.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from controlplane.base.registries import Parts
from controlplane.lib.defaults import define
from telemetry import measures

# Missions with a thing, in the days of a window. A day belongs to it when it began within.
_DAYS = (
    "FROM telemetry_missionday WHERE workspace_id = %(workspace)s"
    " AND first_at < %(end)s AND last_at >= %(start)s"
)


def _ask(statement: str, workspace_id: int, start: datetime, end: datetime, **more: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"workspace": workspace_id, "start": start, "end": end, **more})
        return cursor.fetchone()


def _share(numerator: int, denominator: int) -> Parts:
    if not denominator:
        return Parts(None, 0, 0)
    return Parts(100.0 * numerator / denominator, numerator, denominator)


def throughput(workspace_id: int, start: datetime, end: datetime) -> Parts:
    """Nothing at all reported is no data; events without a completed mission are a true 0."""
    completed, any_ = _ask(
        f"SELECT count(DISTINCT mission) FILTER (WHERE event_type = 'mission_completed'),"
        f" count(*) {_DAYS}",
        workspace_id,
        start,
        end,
    )
    return Parts(float(completed) if any_ else None, completed, None)


# A request that waits tells nothing further, so the window alone would not know of it.
LOOK_BACK = define(
    "telemetry.approval_look_back_days",
    90,
    unit="days",
    why="an approval that was asked for longer ago and never decided is nobody's queue any more",
)
_LATENCY = """
    WITH said AS (
        SELECT mission,
            min(first_at) FILTER (WHERE event_type = 'approval_requested') AS asked,
            min(first_at) FILTER (WHERE event_type = 'approval_rejected') AS refused,
            max(last_at) FILTER (WHERE event_type = 'approval_granted') AS granted
        FROM telemetry_missionday
        WHERE workspace_id = %(workspace)s
        AND event_type IN ('approval_requested', 'approval_granted', 'approval_rejected')
        AND first_at < %(end)s AND day >= %(since)s
        GROUP BY mission
    ), decided AS (
        SELECT mission, asked, coalesce(refused, granted) AS at FROM said WHERE asked IS NOT NULL
    )
    SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM at - asked) / 3600)
            FILTER (WHERE at >= greatest(asked, %(start)s)),
        count(*) FILTER (WHERE at >= greatest(asked, %(start)s)),
        count(*) FILTER (WHERE at IS NULL OR at < asked),
        extract(epoch FROM %(end)s - min(asked) FILTER (WHERE at IS NULL OR at < asked)) / 3600,
        count(*) FILTER (WHERE at >= greatest(asked, %(start)s)
                AND at - asked > interval '4 hours')
            + count(*) FILTER (WHERE (at IS NULL OR at < asked)
                AND %(end)s - asked > interval '4 hours')
    FROM decided
"""


def approval_latency(workspace_id: int, start: datetime, end: datetime) -> Parts:
    """Hours until decided, p95. What still waits is told beside it: a percentile over what was
    decided hides a queue that stands."""
    since = (start - timedelta(days=LOOK_BACK.value)).date()
    value, decided, pending, oldest, late = _ask(_LATENCY, workspace_id, start, end, since=since)
    note = f"{pending} pending" if pending else "nothing pending"
    if pending and oldest is not None:
        note += f", the oldest for {float(oldest):,.1f} h"
    note += f"; {late} later than 4 h" if late else ""
    return Parts(None if value is None else float(value), None, decided, note)


def escalation(workspace_id: int, start: datetime, end: datetime) -> Parts:
    escalated, executed = _ask(
        "WITH mine AS (SELECT mission, bool_or(event_type = 'execution_started') AS executed,"  # noqa: S608
        " bool_or(event_type = 'validator_override_requested'"
        " OR (event_type = 'validator_alert_raised' AND errors > 0)) AS escalated"
        f" {_DAYS} GROUP BY mission)"
        " SELECT count(*) FILTER (WHERE executed AND escalated),"
        " count(*) FILTER (WHERE executed) FROM mine",
        workspace_id,
        start,
        end,
    )
    return _share(escalated, executed)


def undo_success(workspace_id: int, start: datetime, end: datetime) -> Parts:
    reading = measures.read(measures.get("undo.success"), workspace_id, start, end).get("")
    if reading is None or reading.value is None:
        return Parts(None, 0, 0)
    return Parts(reading.value, round(reading.value * reading.sample / 100), reading.sample)


_COMPLETED = f"SELECT mission {_DAYS} AND event_type = 'mission_completed'"


def participation(workspace_id: int, start: datetime, end: datetime) -> Parts:
    """Feedback counts whenever it came: people answer days later."""
    told, completed = _ask(
        f"WITH done AS ({_COMPLETED}) SELECT"  # noqa: S608 - of constants
        " count(DISTINCT mission) FILTER (WHERE EXISTS (SELECT 1 FROM telemetry_missionday f"
        " WHERE f.workspace_id = %(workspace)s AND f.mission = done.mission"
        " AND f.event_type = 'feedback_submitted')), count(DISTINCT mission) FROM done",
        workspace_id,
        start,
        end,
    )
    return _share(told, completed)


def library_reuse(workspace_id: int, start: datetime, end: datetime) -> Parts:
    """Completed missions whose candidates stood on a precedent of the library."""
    reused, completed = _ask(
        f"WITH done AS ({_COMPLETED}) SELECT"  # noqa: S608 - of constants
        " count(DISTINCT mission) FILTER (WHERE EXISTS (SELECT 1 FROM telemetry_events e"
        " WHERE e.workspace_id = %(workspace)s AND e.mission = done.mission AND e.amount > 0"
        " AND e.event_type = 'planner_candidate_generated'"
        " AND e.occurred_at < %(end)s AND e.occurred_at >= %(start)s - interval '90 days')),"
        " count(DISTINCT mission) FROM done",
        workspace_id,
        start,
        end,
    )
    return _share(reused, completed)
