"""Questions of the telemetry audit that only rows of missions can answer."""

from __future__ import annotations

from typing import Any

from django.db import connection

from controlplane.lib.defaults import define
from telemetry import audits
from telemetry.audits import Answer, Found, Window
from telemetry.audits.kinds import answer

MOST = 50
GRACE_S = define(
    "missions.audit_grace_s",
    600,
    unit="seconds",
    why="events go by the outbox and clocks of agents differ: ten minutes are no gap",
)
# What may be told before its stage begins, or after the mission has ended.
_FREE = (
    *("feedback_submitted", "library_contribution", "planner_candidate_generated"),
    *("plan_ranked", "plan_adjusted", "plan_selected", "approval_requested"),
)


def _ask(statement: str, **given: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return list(cursor.fetchall())


def _any_mission(window: Window) -> bool:
    [(found,)] = _ask(
        "SELECT EXISTS (SELECT 1 FROM missions_mission WHERE workspace_id = %(workspace)s)",
        workspace=window.workspace_id,
    )
    return bool(found)


def _given(window: Window) -> dict[str, Any]:
    return {
        "workspace": window.workspace_id,
        "since": window.since,
        "until": window.until,
        "grace": GRACE_S.value,
        "most": MOST,
    }


_LEFT = """
    SELECT m.ref, v.stage, v.left_at FROM missions_stagevisit v
    JOIN missions_mission m ON m.id = v.mission_id
    WHERE m.workspace_id = %(workspace)s AND v.left_at >= %(since)s
    AND v.left_at < %(until)s - %(grace)s * interval '1 second'
    AND v.outcome IN ('completed', 'sent_back') AND v.left_at > m.created_at
    AND NOT EXISTS (
        SELECT 1 FROM telemetry_events e
        WHERE e.workspace_id = %(workspace)s AND e.mission = m.ref
        AND e.occurred_at >= v.left_at - interval '1 minute'
        AND e.occurred_at < v.left_at + %(grace)s * interval '1 second'
        AND (e.event_type = 'mission_completed'
             OR e.event_type = 'mission_stage_transition'
                AND e.context ->> 'from_stage' = v.stage))
    ORDER BY v.left_at DESC LIMIT %(most)s
"""


@audits.provide("T5")
def stages_are_told(window: Window) -> Answer:
    if not _any_mission(window):
        return Answer("not_applicable", "No mission lives here.")
    rows = _ask(_LEFT, **_given(window))
    found = answer(
        Found(
            f"{ref} {stage}"[:120],
            f"{ref} left {stage} on {at:%Y-%m-%d %H:%M} and no event says so.",
            1,
            {"stage": stage},
        )
        for ref, stage, at in rows
    )
    return found if len(rows) < MOST else Answer(found.status, found.text, found.gaps, False)


# The newest of the window, at most so many: a mission's stage then is one look at its visits.
_OUT_OF_STAGE = """
    SELECT e.event_type, count(*), min(e.mission) FROM (
        SELECT event_type, mission, stage, occurred_at FROM telemetry_events
        WHERE workspace_id = %(workspace)s AND occurred_at >= %(since)s
        AND occurred_at < %(until)s AND mission IS NOT NULL AND stage <> ''
        AND event_type <> ALL (%(free)s)
        ORDER BY occurred_at DESC LIMIT %(sample)s
    ) e JOIN missions_mission m ON m.workspace_id = %(workspace)s AND m.ref = e.mission
    WHERE m.started_at IS NOT NULL AND m.source <> 'import'
    AND e.occurred_at >= m.started_at
    AND e.stage IN ('define', 'prepare', 'plan_approve', 'execute_observe', 'reflect_improve')
    AND NOT EXISTS (
        SELECT 1 FROM missions_stagevisit v
        WHERE v.mission_id = m.id AND v.stage = e.stage
        AND v.entered_at <= e.occurred_at + %(grace)s * interval '1 second'
        AND (v.left_at IS NULL
             OR v.left_at >= e.occurred_at - %(grace)s * interval '1 second'))
    GROUP BY 1 ORDER BY 2 DESC LIMIT %(most)s
"""
LOOKED_AT = 20_000


@audits.add_to("T9")
def stages_agree(window: Window) -> Answer:
    if not _any_mission(window):
        return Answer("ok", "No mission lives here: with its stage nothing is compared.")
    rows = _ask(_OUT_OF_STAGE, **_given(window), free=list(_FREE), sample=LOOKED_AT)
    return answer(
        Found(
            f"{name} out of its stage"[:120],
            f"{total:,} {name} name a stage in which their mission was not, such as {ref}.",
            int(total),
        )
        for name, total, ref in rows
    )


_UNREADY = """
    SELECT m.ref, count(*), min(s.action) FROM missions_runstep s
    JOIN missions_mission m ON m.id = s.mission_id
    WHERE m.workspace_id = %(workspace)s AND s.mutating AND s.status <> 'skipped'
    AND (s.status <> 'queued' OR s.dispatched_at IS NOT NULL)
    AND coalesce(s.started_at, s.dispatched_at, s.first_at) >= %(since)s
    AND coalesce(s.started_at, s.dispatched_at, s.first_at)
        < %(until)s - %(grace)s * interval '1 second'
    AND NOT EXISTS (
        SELECT 1 FROM telemetry_events e
        WHERE e.workspace_id = %(workspace)s AND e.mission = m.ref
        AND e.event_type = 'undo_available'
        AND e.occurred_at <= coalesce(s.started_at, s.dispatched_at, s.first_at)
            + interval '1 minute')
    GROUP BY 1 ORDER BY 2 DESC LIMIT %(most)s
"""


@audits.provide("T10")
def undo_comes_first(window: Window) -> Answer:
    if not _any_mission(window):
        return Answer("not_applicable", "No mission lives here.")
    rows = _ask(_UNREADY, **_given(window))
    return answer(
        Found(
            str(ref)[:120],
            f"{ref} changed something {total:,} times, such as {action or 'a step'}, and nothing "
            "said before that it can be undone.",
            int(total),
        )
        for ref, total, action in rows
    )
