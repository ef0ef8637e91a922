"""Key figures computed from rows. Windows are half open, in UTC.

A workspace may also hear of missions that live elsewhere and only report here. Of the counts by
mission both kinds are added up: rows for the missions that are here, events for all others. Of
medians, shares of steps and of undo runs it is the rows as soon as there are any.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import connection

from controlplane.base.registries import Parts

Tell = Callable[[int, datetime, datetime], Parts]
NOTE = "missions that live here"


def ask(statement: str, workspace_id: int, start: datetime, end: datetime, **more: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"workspace": workspace_id, "start": start, "end": end, **more})
        return cursor.fetchone()


def share(numerator: int, denominator: int, note: str = "") -> Parts:
    if not denominator:
        return Parts(None, 0, 0, note)
    return Parts(100.0 * numerator / denominator, numerator, denominator, note)


def rows_first(rows: Tell, events: Tell) -> Tell:
    """From rows where there are some to tell from, else from what was reported."""

    def tell(workspace_id: int, start: datetime, end: datetime) -> Parts:
        found = rows(workspace_id, start, end)
        return found if found.value is not None or found.note else events(workspace_id, start, end)

    return tell


# --- Counts by mission: rows, and events of what does not live here -------------------------------

_DONE = """
    SELECT id, ref FROM missions_mission WHERE workspace_id = %(workspace)s
    AND status = 'completed' AND closed_at >= %(start)s AND closed_at < %(end)s
"""
# As telemetry counts them: completed once, however often it is said.
_ELSEWHERE = """
    SELECT DISTINCT d.mission FROM telemetry_missionday d
    WHERE d.workspace_id = %(workspace)s AND d.event_type = 'mission_completed'
    AND d.first_at < %(end)s AND d.last_at >= %(start)s
    AND NOT EXISTS (SELECT 1 FROM telemetry_missionday b
        WHERE b.workspace_id = %(workspace)s AND b.mission = d.mission
        AND b.event_type = 'mission_completed' AND b.first_at < %(start)s)
    AND NOT EXISTS (SELECT 1 FROM missions_mission m
        WHERE m.workspace_id = %(workspace)s AND m.ref = d.mission)
"""


def throughput(workspace_id: int, start: datetime, end: datetime) -> Parts:
    """No mission and nothing reported is no data; without a completed one it is a true 0."""
    here, there, any_ = ask(
        f"SELECT (SELECT count(*) FROM ({_DONE}) AS d), (SELECT count(*) FROM ({_ELSEWHERE}) AS e),"  # noqa: S608
        " EXISTS (SELECT 1 FROM missions_mission WHERE workspace_id = %(workspace)s"
        " AND created_at < %(end)s) OR EXISTS (SELECT 1 FROM telemetry_missionday"
        " WHERE workspace_id = %(workspace)s AND first_at < %(end)s AND last_at >= %(start)s)",
        workspace_id,
        start,
        end,
    )
    return Parts(float(here + there) if any_ else None, here + there, None, _mixed(there))


def _mixed(there: int) -> str:
    return f"{there} of them known by what they reported" if there else ""


def participation(workspace_id: int, start: datetime, end: datetime) -> Parts:
    """Of the missions completed in the window those that somebody gave feedback on, whenever it
    came. Declining is an answer and no feedback."""
    told, here, told_there, there = ask(
        f"WITH d AS ({_DONE}), e AS ({_ELSEWHERE}) SELECT"  # noqa: S608 - of constants
        " (SELECT count(*) FROM d WHERE EXISTS (SELECT 1 FROM missions_feedback f"
        " WHERE f.mission_id = d.id AND f.status = 'given')), (SELECT count(*) FROM d),"
        " (SELECT count(*) FROM e WHERE EXISTS (SELECT 1 FROM telemetry_missionday f"
        " WHERE f.workspace_id = %(workspace)s AND f.mission = e.mission"
        " AND f.event_type = 'feedback_submitted')), (SELECT count(*) FROM e)",
        workspace_id,
        start,
        end,
    )
    return share(told + told_there, here + there, _mixed(there))


def library_reuse(workspace_id: int, start: datetime, end: datetime) -> Parts:
    """Of the missions completed in the window those planned from an asset of another mission. What
    a play was made from counts while that play is the selected one."""
    used, here, used_there, there = ask(
        f"WITH d AS ({_DONE}), e AS ({_ELSEWHERE}) SELECT"  # noqa: S608 - of constants
        " (SELECT count(*) FROM d WHERE EXISTS (SELECT 1 FROM missions_assetuse u"
        " JOIN missions_asset a ON a.id = u.asset_id LEFT JOIN missions_play p ON p.id = u.play_id"
        " WHERE u.mission_id = d.id AND a.source_mission_id IS DISTINCT FROM d.id"
        " AND (p.id IS NULL OR p.status = 'selected'))), (SELECT count(*) FROM d),"
        # Read once into a list: asked for each mission, months of events are read as often.
        " (SELECT count(*) FROM e WHERE e.mission = ANY(ARRAY(SELECT v.mission"
        " FROM telemetry_events v WHERE v.workspace_id = %(workspace)s AND v.amount > 0"
        " AND v.mission IS NOT NULL AND v.event_type = 'planner_candidate_generated'"
        " AND v.occurred_at < %(end)s AND v.occurred_at >= %(start)s - interval '90 days'))),"
        " (SELECT count(*) FROM e)",
        workspace_id,
        start,
        end,
    )
    return share(used + used_there, here + there, _mixed(there))


# --- Rows as soon as there are any ---------------------------------------------------------------

# A question's clock begins with its first revision and goes on through all that follow it, as the
# approvals kernel keeps `requested_at`; what fell by itself or was taken back decided nothing.
_PACKETS = """
    WITH packet AS (
        SELECT r.requested_at AS asked,
            CASE WHEN r.status IN ('approved', 'rejected') THEN r.decided_at
                 WHEN r.status IN ('void', 'superseded') AND r.decided_at IS NOT NULL
                 THEN r.decided_at END AS at,
            r.status
        FROM approvals_request r
        WHERE r.workspace_id = %(workspace)s AND r.owner = 'missions.checkpoint'
        AND r.policy_snapshot ->> 'slug' = 'mission_packet' AND r.requested_at < %(end)s
        AND (r.status = 'open' OR r.decided_at >= %(start)s)
    )
    SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM at - asked) / 3600)
            FILTER (WHERE at >= %(start)s AND at < %(end)s),
        count(*) FILTER (WHERE at >= %(start)s AND at < %(end)s),
        count(*) FILTER (WHERE status = 'open'),
        extract(epoch FROM %(end)s - min(asked) FILTER (WHERE status = 'open')) / 3600,
        count(*) FILTER (WHERE at >= %(start)s AND at < %(end)s
                         AND at - asked > interval '4 hours')
            + count(*) FILTER (WHERE status = 'open' AND %(end)s - asked > interval '4 hours')
    FROM packet
"""


def approval_latency(workspace_id: int, start: datetime, end: datetime) -> Parts:
    value, decided, pending, oldest, late = ask(_PACKETS, workspace_id, start, end)
    if not decided and not pending:
        return Parts(None, None, 0)
    note = f"{pending} pending" if pending else "nothing pending"
    if pending and oldest is not None:
        note += f", the oldest for {float(oldest):,.1f} h"
    note += f"; {late} later than 4 h" if late else ""
    return Parts(None if value is None else float(value), None, decided, note)


# Missions that came to Execute & Observe in the window, by what was found of them since.
_EXECUTED = """
    WITH executed AS (
        SELECT v.mission_id, min(v.entered_at) AS at FROM missions_stagevisit v
        JOIN missions_mission m ON m.id = v.mission_id
        WHERE m.workspace_id = %(workspace)s AND v.stage = 'execute_observe'
        GROUP BY 1 HAVING min(v.entered_at) >= %(start)s AND min(v.entered_at) < %(end)s
    )
    SELECT count(*),
        count(*) FILTER (WHERE EXISTS (SELECT 1 FROM missions_finding f
            WHERE f.mission_id = e.mission_id AND f.result = 'failed' AND f.found_at >= e.at)),
        count(*) FILTER (WHERE EXISTS (SELECT 1 FROM missions_finding f
            WHERE f.mission_id = e.mission_id AND f.result = 'failed' AND f.found_at >= e.at
            AND f.severity IN ('high', 'critical'))
          OR EXISTS (SELECT 1 FROM missions_override o
            WHERE o.mission_id = e.mission_id AND o.requested_at >= e.at))
    FROM executed e
"""


def escalation(workspace_id: int, start: datetime, end: datetime) -> Parts:
    executed, _, escalated = ask(_EXECUTED, workspace_id, start, end)
    return share(escalated, executed)


def violations(workspace_id: int, start: datetime, end: datetime) -> Parts:
    executed, violated, _ = ask(_EXECUTED, workspace_id, start, end)
    return share(violated, executed)


def undo_success(workspace_id: int, start: datetime, end: datetime) -> Parts:
    """Drills are practice, and count for nothing here."""
    completed, ended = ask(
        "SELECT count(*) FILTER (WHERE u.status = 'completed'), count(*) FROM missions_undorun u"
        " JOIN missions_undoplan p ON p.id = u.plan_id JOIN missions_play y ON y.id = p.play_id"
        " JOIN missions_mission m ON m.id = y.mission_id WHERE m.workspace_id = %(workspace)s"
        " AND NOT u.drill AND u.status IN ('completed', 'failed')"
        " AND u.finished_at >= %(start)s AND u.finished_at < %(end)s",
        workspace_id,
        start,
        end,
    )
    return share(completed, ended)


def auto_fix(workspace_id: int, start: datetime, end: datetime) -> Parts:
    """Fixed at once, of the findings that an agent may fix."""
    fixed, may = ask(
        "SELECT count(*) FILTER (WHERE f.result = 'auto_fixed'), count(*) FROM missions_finding f"
        " JOIN missions_mission m ON m.id = f.mission_id"
        " LEFT JOIN missions_safeguard s ON s.id = f.safeguard_id"
        " WHERE m.workspace_id = %(workspace)s AND f.found_at >= %(start)s AND f.found_at < %(end)s"
        " AND (f.result = 'auto_fixed' OR f.result = 'failed' AND coalesce(s.auto_fix, false))",
        workspace_id,
        start,
        end,
    )
    return share(fixed, may)


_COVERED = """
    SELECT count(*) FILTER (WHERE EXISTS (SELECT 1 FROM missions_undostep u
            JOIN missions_undoplan p ON p.id = u.plan_id
            WHERE u.play_step_id = s.id AND NOT u.alternate
            AND p.status IN ('ready', 'executed', 'expired'))), count(*)
    FROM missions_playstep s JOIN missions_play y ON y.id = s.play_id
    JOIN missions_mission m ON m.id = y.mission_id
    WHERE m.workspace_id = %(workspace)s AND y.status = 'selected' AND s.mutating
    AND EXISTS (SELECT 1 FROM missions_stagevisit v WHERE v.mission_id = m.id
        AND v.stage = 'execute_observe' AND v.entered_at < %(end)s
        AND (v.left_at IS NULL OR v.left_at >= %(start)s))
"""


def undo_coverage(workspace_id: int, start: datetime, end: datetime) -> Parts:
    """Steps that change something and have one that takes it back, of those that executed."""
    covered, steps = ask(_COVERED, workspace_id, start, end)
    return share(covered, steps)


def rollback_ratio(workspace_id: int, start: datetime, end: datetime) -> Parts:
    undone, runs = ask(
        "SELECT (SELECT count(*) FROM missions_undorun u JOIN missions_undoplan p"
        " ON p.id = u.plan_id JOIN missions_play y ON y.id = p.play_id"
        " JOIN missions_mission m ON m.id = y.mission_id WHERE m.workspace_id = %(workspace)s"
        " AND NOT u.drill AND u.status <> 'withdrawn'"
        " AND u.requested_at >= %(start)s AND u.requested_at < %(end)s),"
        " (SELECT count(*) FROM missions_run r JOIN missions_mission m ON m.id = r.mission_id"
        " WHERE m.workspace_id = %(workspace)s AND r.started_at >= %(start)s"
        " AND r.started_at < %(end)s)",
        workspace_id,
        start,
        end,
    )
    return share(undone, runs)


_COMPLETION = """
    WITH per AS (
        SELECT v.mission_id, v.stage, bool_or(v.left_at IS NULL) AS is_open,
            (array_agg(v.outcome ORDER BY v.attempt DESC))[1] = 'completed' AS completed,
            max(v.left_at) AS at
        FROM missions_stagevisit v JOIN missions_mission m ON m.id = v.mission_id
        WHERE m.workspace_id = %(workspace)s GROUP BY 1, 2
    )
    SELECT count(*) FILTER (WHERE completed), count(*) FROM per
    WHERE NOT is_open AND at >= %(start)s AND at < %(end)s
"""


def stage_completion(workspace_id: int, start: datetime, end: datetime) -> Parts:
    """Stages that missions left for good in the window: those that were completed."""
    completed, left = ask(_COMPLETION, workspace_id, start, end)
    return share(completed, left)


def rating(workspace_id: int, start: datetime, end: datetime) -> Parts:
    mean, number = ask(
        "SELECT avg(f.rating), count(*) FROM missions_feedback f"
        " JOIN missions_mission m ON m.id = f.mission_id WHERE m.workspace_id = %(workspace)s"
        " AND f.status = 'given' AND f.answered_at >= %(start)s AND f.answered_at < %(end)s",
        workspace_id,
        start,
        end,
    )
    return Parts(None if mean is None else float(mean), None, number)


def effort_saved(workspace_id: int, start: datetime, end: datetime) -> Parts:
    minutes, number = ask(
        "SELECT sum(f.effort_saved_minutes), count(f.effort_saved_minutes) FROM missions_feedback f"
        " JOIN missions_mission m ON m.id = f.mission_id WHERE m.workspace_id = %(workspace)s"
        " AND f.status = 'given' AND f.answered_at >= %(start)s AND f.answered_at < %(end)s",
        workspace_id,
        start,
        end,
    )
    return Parts(None if not number else float(minutes) / 60, None, number)


def published(workspace_id: int, start: datetime, end: datetime) -> Parts:
    number, any_ = ask(
        "SELECT count(*) FILTER (WHERE v.published_at >= %(start)s AND v.published_at < %(end)s),"
        " count(*) FROM missions_assetversion v JOIN missions_asset a ON a.id = v.asset_id"
        " WHERE a.workspace_id = %(workspace)s",
        workspace_id,
        start,
        end,
    )
    return Parts(float(number) if any_ else None, number, None)
