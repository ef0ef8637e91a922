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
from telemetry.measures.elsewhere import findings

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


# Completed is completed once: a mission that says so again next week is no second one.
_COMPLETED = f"""
    SELECT mission {_DAYS} AND event_type = 'mission_completed' AND NOT EXISTS (
        SELECT 1 FROM telemetry_missionday before
        WHERE before.workspace_id = %(workspace)s AND before.mission = telemetry_missionday.mission
        AND before.event_type = 'mission_completed' AND before.first_at < %(start)s)
"""  # noqa: S608 - of constants


def throughput(workspace_id: int, start: datetime, end: datetime) -> Parts:
    """Nothing at all reported is no data; events without a completed mission are a true 0."""
    completed, any_ = _ask(
        f"SELECT (SELECT count(DISTINCT mission) FROM ({_COMPLETED}) AS done),"  # noqa: S608
        f" EXISTS (SELECT 1 {_DAYS})",
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
# A packet is a plan that consent was asked for: where all of a mission's events of consent name
# their plan, those of one plan, else all of them. Its first rejection decides it, and what is asked
# after that is the next packet. Else it is decided once as many have granted it as were asked.
_LATENCY = """
    WITH days AS (
        SELECT mission, min(first_at) AS low, max(last_at) AS high FROM telemetry_missionday
        WHERE workspace_id = %(workspace)s
        AND event_type IN ('approval_requested', 'approval_granted', 'approval_rejected')
        AND first_at < %(end)s AND day >= %(since)s
        GROUP BY mission, day
    ), said AS (
        SELECT d.mission, e.occurred_at AS at, e.event_type AS what,
            coalesce(e.context ->> 'play_id', '') AS play,
            coalesce(e.context ->> 'approver_role', '') AS role
        FROM days d CROSS JOIN LATERAL (
            SELECT occurred_at, event_type, context FROM telemetry_events
            WHERE mission = d.mission AND workspace_id = %(workspace)s
            AND event_type IN ('approval_requested', 'approval_granted', 'approval_rejected')
            AND occurred_at >= d.low AND occurred_at <= d.high AND occurred_at < %(end)s
        ) e
    ), named AS (
        SELECT mission, at, what, role,
            CASE WHEN bool_and(play <> '') OVER (PARTITION BY mission) THEN play ELSE '' END AS play
        FROM said
    ), rounds AS (
        SELECT mission, play, at, what, role, coalesce(sum((what = 'approval_rejected')::int) OVER (
            PARTITION BY mission, play ORDER BY at, what DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS round
        FROM named
    ), packet AS (
        SELECT min(at) FILTER (WHERE what = 'approval_requested') AS asked,
            coalesce(min(at) FILTER (WHERE what = 'approval_rejected'),
                CASE WHEN count(*) FILTER (WHERE what = 'approval_granted')
                    >= count(DISTINCT role) FILTER (WHERE what = 'approval_requested')
                THEN max(at) FILTER (WHERE what = 'approval_granted') END) AS answered
        FROM rounds GROUP BY mission, play, round
    ), decided AS (
        SELECT asked, CASE WHEN answered IS NOT NULL THEN greatest(asked, answered) END AS at
        FROM packet WHERE asked IS NOT NULL
    )
    SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM at - asked) / 3600)
            FILTER (WHERE at >= %(start)s),
        count(*) FILTER (WHERE at >= %(start)s),
        count(*) FILTER (WHERE at IS NULL),
        extract(epoch FROM %(end)s - min(asked) FILTER (WHERE at IS NULL)) / 3600,
        count(*) FILTER (WHERE at >= %(start)s AND at - asked > interval '4 hours')
            + count(*) FILTER (WHERE at IS NULL AND %(end)s - asked > interval '4 hours')
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
    """Of the missions that began to execute in the window, whenever they were escalated since."""
    [found] = findings.missions(
        workspace_id, [(start, end)], executed=("execution_started",), later=True
    )
    return _share(found.escalated, found.executed)


def undo_success(workspace_id: int, start: datetime, end: datetime) -> Parts:
    reading = measures.read(measures.get("undo.success"), workspace_id, start, end).get("")
    if reading is None or reading.value is None:
        return Parts(None, 0, 0)
    return Parts(reading.value, round(reading.value * reading.sample / 100), reading.sample)


def stage_duration(workspace_id: int, start: datetime, end: datetime) -> Parts:
    """The stage that takes the longest, of what it usually takes."""
    measure = measures.get("stage.time_p50")
    now = measures.read(measure, workspace_id, start, end, group_by="stage")
    usual = measures.baseline_by_group(measure, workspace_id, start, "stage")
    ratios = [
        (reading.value / level, reading.sample, stage)
        for stage, reading in now.items()
        if reading.value is not None and (known := usual.get(stage)) and (level := known.value)
    ]
    if not ratios:
        return Parts(None)
    ratio, sample, stage = max(ratios)
    return Parts(ratio, None, sample, f"{stage.replace('_', ' ')} took the longest")


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
