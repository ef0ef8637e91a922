"""Panels that telemetry's dashboards leave to whoever keeps the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from controlplane.base.registries import Panel, PanelAnswer, PanelQuestion, Verdict, panels
from missions import stages
from missions.kpis import rows

MISSIONS = "/admin/missions/mission/"
LOW_COVERAGE, LOW_SUCCESS = 100.0, 85.0

# As `mission_stage_rollup_vw` counts them, of visits that touch the window.
_STAGES = """
    WITH per AS (
        SELECT v.stage, v.mission_id, max(v.attempt) AS attempts,
            bool_or(v.left_at IS NULL) AS is_open,
            (array_agg(v.outcome ORDER BY v.attempt DESC)
                FILTER (WHERE v.left_at IS NOT NULL))[1] AS last,
            sum(extract(epoch FROM v.left_at - v.entered_at))
                FILTER (WHERE v.left_at IS NOT NULL) AS closed_s
        FROM missions_stagevisit v JOIN missions_mission m ON m.id = v.mission_id
        WHERE (%(workspace)s IS NULL OR m.workspace_id = %(workspace)s)
        AND v.entered_at < %(end)s AND (v.left_at IS NULL OR v.left_at >= %(start)s)
        GROUP BY 1, 2
    )
    SELECT stage, count(*), count(*) FILTER (WHERE is_open),
        count(*) FILTER (WHERE last = 'completed' AND NOT is_open),
        count(*) FILTER (WHERE last = 'abandoned' AND NOT is_open),
        count(*) FILTER (WHERE attempts > 1),
        count(*) FILTER (WHERE NOT is_open),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY closed_s) FILTER (WHERE NOT is_open),
        percentile_cont(0.95) WITHIN GROUP (ORDER BY closed_s) FILTER (WHERE NOT is_open)
    FROM per GROUP BY stage
"""
COLUMNS = ("Stage", "Entered", "Open", "Completed", "Abandoned", "Reworked", "Success, %",
           "Dwell, median, h", "Dwell, p95, h")  # fmt: skip


TEMPLATE = "missions/learning/panel.html"


def _drawn(
    columns: Sequence[str], lines: Sequence[Sequence[Any]], verdict: Verdict | None = None
) -> PanelAnswer:
    """As a table, also for the export. Nothing to tell is no table."""
    if not lines:
        return PanelAnswer()
    names = [f"c{place}" for place in range(len(columns))]
    shown = [
        {name: "–" if value is None else value for name, value in zip(names, line, strict=True)}
        for line in lines
    ]
    context = {"columns": list(zip(names, columns, strict=True)), "lines": shown}
    return PanelAnswer(columns=columns, rows=lines, verdict=verdict, context=context)


def _hours(seconds: Any) -> float | None:
    return None if seconds is None else round(float(seconds) / 3600, 1)


def mission_stages(question: PanelQuestion) -> PanelAnswer:
    """As the missions stand: also what is open, given up, and worked on again."""
    given = {"workspace": question.workspace_id, "start": question.start, "end": question.end}
    with connection.cursor() as cursor:
        cursor.execute(_STAGES, given)
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    if not found:
        return PanelAnswer()
    lines, shares = [], []
    for stage in stages.STAGES.values():
        entered, open_, done, abandoned, again, left, p50, p95 = found.get(
            stage.slug, (0, 0, 0, 0, 0, 0, None, None)
        )
        success = round(100 * done / left, 1) if left else None
        shares += [success] if success is not None else []
        lines.append(
            (stage.label, entered, open_, done, abandoned, again, success, _hours(p50), _hours(p95))
        )
    low = min(shares, default=None)
    verdict = None
    if low is not None:
        fine = low >= LOW_SUCCESS
        said = f"Lowest success {low:g} %, target {LOW_SUCCESS:g} %."
        verdict = Verdict("ok" if fine else "attention", said, low, MISSIONS)
    return _drawn(COLUMNS, lines, verdict)


_PLANS = """
    SELECT m.ref, m.title, count(*) FILTER (WHERE s.mutating),
        count(*) FILTER (WHERE s.mutating AND EXISTS (
            SELECT 1 FROM missions_undostep u JOIN missions_undoplan q ON q.id = u.plan_id
            WHERE u.play_step_id = s.id AND NOT u.alternate AND q.status <> 'draft')),
        coalesce(p.status, 'none'), p.tested_at
    FROM missions_play y JOIN missions_mission m ON m.id = y.mission_id
    LEFT JOIN missions_playstep s ON s.play_id = y.id
    LEFT JOIN missions_undoplan p ON p.play_id = y.id
    WHERE (%(workspace)s IS NULL OR m.workspace_id = %(workspace)s) AND y.status = 'selected'
    AND m.status IN ('active', 'paused') AND m.stage IN ('plan_approve', 'execute_observe')
    GROUP BY m.id, m.ref, m.title, p.status, p.tested_at ORDER BY m.id DESC LIMIT 30
"""
_PLAN_WORDS = {"none": "No undo plan", "draft": "Draft", "ready": "Ready", "executed": "Executed",
               "expired": "Expired"}  # fmt: skip


def undo_steps(question: PanelQuestion) -> PanelAnswer:
    """Of each plan that is chosen: how many of its changing steps have one that takes them back."""
    with connection.cursor() as cursor:
        cursor.execute(_PLANS, {"workspace": question.workspace_id})
        found = cursor.fetchall()
    if not found:
        return PanelAnswer()
    lines = []
    all_steps = all_covered = 0
    for ref, title, steps, covered, status, tested in found:
        all_steps, all_covered = all_steps + steps, all_covered + covered
        share = round(100 * covered / steps, 1) if steps else None
        tried = f"{tested:%Y-%m-%d}" if tested is not None else "never"
        lines.append((f"{ref} {title}"[:80], steps, covered, share, _PLAN_WORDS[status], tried))
    verdict = None
    if all_steps:
        share = 100 * all_covered / all_steps
        said = f"{all_covered} of {all_steps} changing steps can be taken back."
        verdict = Verdict("ok" if share >= LOW_COVERAGE else "attention", said, share, MISSIONS)
    columns = ("Mission", "Changing steps", "Covered", "Coverage, %", "Undo plan", "Tested")
    return _drawn(columns, lines, verdict)


# Of missions that chose: where nobody chose yet, nothing is said of what was found for it.
_FOUND = """
    SELECT count(*), count(*) FILTER (WHERE jsonb_array_length(y.precedents) > 0),
        count(*) FILTER (WHERE jsonb_array_length(y.precedents) > 0 AND y.status = 'selected')
    FROM missions_play y JOIN missions_mission m ON m.id = y.mission_id
    WHERE (%(workspace)s IS NULL OR m.workspace_id = %(workspace)s)
    AND y.proposed_at >= %(start)s AND y.proposed_at < %(end)s
    AND EXISTS (SELECT 1 FROM missions_play c WHERE c.mission_id = m.id AND c.status = 'selected')
"""


def retrieval(question: PanelQuestion) -> PanelAnswer:
    """How often people choose what the planner made from something of the library."""
    given = {"workspace": question.workspace_id, "start": question.start, "end": question.end}
    with connection.cursor() as cursor:
        cursor.execute(_FOUND, given)
        plays, citing, chosen = cursor.fetchone()
    if not plays:
        return PanelAnswer()
    accuracy = round(100 * chosen / citing, 1) if citing else None
    columns = ("Plays", "With a precedent", "Chosen of these", "Accuracy, %")
    return _drawn(columns, [(plays, citing, chosen, accuracy)])


_ASSETS = """
    SELECT a.title, a.number, count(u.id), max(u.at) FROM missions_asset a
    JOIN missions_assetuse u ON u.asset_id = a.id AND u.at >= %(start)s AND u.at < %(end)s
    WHERE (%(workspace)s IS NULL OR a.workspace_id = %(workspace)s)
    GROUP BY a.id, a.title, a.number ORDER BY 3 DESC, a.id DESC LIMIT 15
"""


def used_assets(question: PanelQuestion) -> PanelAnswer:
    given = {"workspace": question.workspace_id, "start": question.start, "end": question.end}
    with connection.cursor() as cursor:
        cursor.execute(_ASSETS, given)
        found = cursor.fetchall()
    lines = [(title, number, uses, f"{at:%Y-%m-%d}") for title, number, uses, at in found]
    return _drawn(("Asset", "Version", "Missions", "Last"), lines)


def given_feedback(question: PanelQuestion) -> PanelAnswer:
    """From rows: who was asked, who answered, what they say."""
    whose = question.workspace_id
    if whose is None:
        return PanelAnswer()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT f.rating, count(*), coalesce(sum(f.effort_saved_minutes), 0)"
            " FROM missions_feedback f JOIN missions_mission m ON m.id = f.mission_id"
            " WHERE m.workspace_id = %s AND f.status = 'given' AND f.answered_at >= %s"
            " AND f.answered_at < %s GROUP BY 1 ORDER BY 1 DESC",
            [whose, question.start, question.end],
        )
        found = cursor.fetchall()
    if not found:
        return PanelAnswer()
    part = rows.participation(whose, question.start, question.end)
    verdict = None
    if part.value is not None:
        said = f"{part.numerator:g} of {part.denominator:g} completed missions have feedback."
        verdict = Verdict("ok" if part.value >= 80 else "attention", said, part.value)
    lines = [
        (f"{rating} of 5", number, round(minutes / 60, 1)) for rating, number, minutes in found
    ]
    return _drawn(("Rating", "Answers", "Effort saved, h"), lines, verdict)


def register() -> None:
    panels.register(
        Panel("mission-stages", "stage-rollup", "As the missions stand", "mission.view",
              mission_stages, TEMPLATE, about="Also what is open, given up, or was done again.",
              size="full", link=MISSIONS)
    )  # fmt: skip
    panels.register(
        Panel("steps", "undo-readiness", "Undo coverage of steps", "mission.view", undo_steps,
              TEMPLATE, about="Of the plays that are chosen, until the execution ended.",
              size="full", link=MISSIONS)
    )  # fmt: skip
    panels.register(
        Panel("retrieval", "agent-performance", "Planner: what it finds in the library",
              "mission.view", retrieval, TEMPLATE, link="/admin/missions/play/",
              about="Plays made from a precedent that people chose, of all such plays.")
    )  # fmt: skip
    panels.register(
        Panel("given", "feedback-insights", "What people gave", "mission.view", given_feedback,
              TEMPLATE, about="Answers by rating, from the portal's own forms.",
              link="/admin/missions/feedback/")
    )  # fmt: skip
    panels.register(
        Panel("assets", "feedback-insights", "Assets that missions used", "library.view",
              used_assets, TEMPLATE, about="Noted by people, and with the choice of a play.",
              link="/admin/missions/asset/")
    )  # fmt: skip
