"""Rules over how much comes and in which order: T5, T6, T7, T10, T11."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from controlplane.lib.defaults import define
from telemetry import measures
from telemetry.audits.kinds import Answer, Found, Window, answer, reserved, rule
from telemetry.measures.baselines import baseline, discovery_ratio
from telemetry.shown.words import took

RATE_LOW = define(
    "telemetry.audit_rate_low",
    0.5,
    unit="times",
    why="half of what usually comes: something is silent",
)
RATE_HIGH = define(
    "telemetry.audit_rate_high",
    2.0,
    unit="times",
    why="twice what usually comes: something is stuck",
)
HEARTBEAT_GAP = define(
    "telemetry.heartbeat_gap_s", 90, unit="seconds", why="three of the 30 s heartbeats were missed"
)
HOUR = timedelta(hours=1)
MOST = 50  # silent executions that are named
OPEN_FOR = timedelta(days=7)  # what began longer before the window and tells no end was given up
RATE = "events.count"

reserved("T5", "A mission that left a stage has reported so")


@rule("T6", "As much comes as usual")
def rate(window: Window) -> Answer:
    """The last whole hour against the same hour of the week."""
    end = window.until.replace(minute=0, second=0, microsecond=0)
    measure = measures.get(RATE)
    now = measures.read(measure, window.workspace_id, end - HOUR, end).get("")
    usual = baseline(measure, window.workspace_id, end - HOUR)
    if usual.value is None or usual.sample < 2:
        return Answer("insufficient", "Fewer than two weeks to compare this hour with.")
    value = (now.value if now else None) or 0.0
    said = f"{value:,.0f} events in the hour to {end:%H:%M}, usually {usual.value:,.0f}"
    low, high = RATE_LOW.value * usual.value, RATE_HIGH.value * usual.value
    if low <= value <= high:
        return Answer("ok", said)
    return answer([Found("rate", said + ".", int(value), {"usual": usual.value, "value": value})])


@rule("T7", "Discoveries stand in the usual ratio to tool calls")
def discoveries(window: Window) -> Answer:
    found = discovery_ratio(window.workspace_id, window.until)
    said = f"{found.calls:,} calls today"
    if found.ratio is not None:
        said += f", {found.ratio:.2f} discoveries a call"
    if found.baseline is not None:
        said += f", usually {found.baseline:.2f}"
    if found.verdict == "deviation":
        details = {"ratio": found.ratio, "baseline": found.baseline, "calls": found.calls}
        return answer([Found("discovery ratio", said + ".", 1, details)])
    if found.verdict == "ok":
        return Answer("ok", said)
    return Answer("insufficient", said)


reserved("T10", "An undo is ready before anything is changed")

# An execution is open from its start until it is completed, paused, or the mission is. One that
# began before the window counts as well: a deployment may have silenced it.
_BEATS = """
    WITH began AS (
        SELECT mission, occurred_at AS at FROM {events}
        AND mission IS NOT NULL AND event_type = 'execution_started'
        UNION ALL
        SELECT mission, first_at FROM telemetry_missionday
        WHERE workspace_id = %s AND event_type = 'execution_started' AND day >= %s
        AND first_at >= %s AND first_at < %s
    ), opened AS (
        SELECT mission, min(at) AS since FROM began GROUP BY mission
    ), mine AS (
        SELECT o.mission, o.since, e.event_type, e.occurred_at
        FROM opened o CROSS JOIN LATERAL (
            SELECT event_type, occurred_at FROM telemetry_events
            WHERE mission = o.mission AND workspace_id = %s
            AND occurred_at >= o.since AND occurred_at >= %s AND occurred_at < %s
            AND event_type IN ('execution_completed', 'execution_paused', 'mission_completed',
                               'session_heartbeat')
        ) e
    ), closed AS (
        SELECT mission, min(occurred_at) AS until FROM mine
        WHERE event_type <> 'session_heartbeat' GROUP BY mission
    ), marks AS (
        SELECT mine.mission, occurred_at AS at FROM mine LEFT JOIN closed USING (mission)
        WHERE event_type = 'session_heartbeat' AND occurred_at <= coalesce(until, %s)
        UNION ALL SELECT mission, since FROM opened
        UNION ALL SELECT opened.mission, coalesce(until, %s) FROM opened LEFT JOIN closed
            USING (mission)
    ), steps AS (
        SELECT mission, at, lag(at) OVER (PARTITION BY mission ORDER BY at) AS before FROM marks
    )
    SELECT mission, max(extract(epoch FROM at - before)), count(*) FROM steps
    WHERE at >= %s AND at - before > %s * interval '1 second'
    GROUP BY mission ORDER BY 2 DESC LIMIT %s
"""


@rule("T11", "Open executions give signs of life")
def heartbeats(window: Window) -> Answer:
    whose, since, until = window.bounds
    oldest = window.since - OPEN_FOR
    rows = window.rows(
        _BEATS,
        # Not all of that day: the end of what began before the moment isn't looked for.
        *(whose, oldest.date(), oldest, until),
        *(whose, oldest, until),
        *(until, until),
        *(since, HEARTBEAT_GAP.value, MOST),
    )
    found = answer(
        Found(
            str(mission)[:120],
            f"{mission} was silent for up to {took(float(longest) * 1_000)} while it executed.",
            int(number),
            {"longest_s": float(longest)},
        )
        for mission, longest, number in rows
    )
    return replace(found, whole=len(rows) < MOST)
