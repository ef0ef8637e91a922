"""Which figures of the board rest on rows of missions, and how they are told there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from controlplane.base.registries import Kpi, kpis
from missions.kpis import rows
from missions.kpis.rows import Tell

MONTH = timedelta(days=30)
BOARD = "/admin/telemetry/dashboards/kpi-board/"
_ELSEWHERE = "; of missions that live elsewhere, by what they report"
_UNTIL = "; until a mission lives here, by what is reported"
# slug -> how it is told from rows, the formula in words, whether events take its place where there
# is no row (else it adds them up itself).
TABLE: dict[str, tuple[Tell, str, bool]] = {
    "missions.throughput": (
        rows.throughput, "missions completed in the week, their last checkpoint signed; cancelled"
        " ones do not count" + _ELSEWHERE, False,
    ),
    "approvals.latency": (
        rows.approval_latency, "95th percentile of decided − first requested, over approval packets"
        " decided in the week; decided is the first rejection or the last signature, and neither"
        " delegating nor a new revision restarts it" + _UNTIL, True,
    ),
    "safeguards.escalation": (
        rows.escalation, "missions with an exception asked for, or a finding of severity high or"
        " critical that was not fixed, ÷ missions that came to Execute & Observe" + _UNTIL, True,
    ),
    "undo.success_rate": (
        rows.undo_success, "completed ÷ (completed + failed) undo runs that finished; drills do not"
        " count" + _UNTIL, True,
    ),
    "feedback.participation_rate": (
        rows.participation, "completed missions with feedback ÷ completed missions; several"
        " feedbacks count once, declining counts as none" + _ELSEWHERE, False,
    ),
    "library.reuse_rate": (
        rows.library_reuse, "completed missions planned from an asset of another mission, or whose"
        " selected play was made from one, ÷ completed missions" + _ELSEWHERE, False,
    ),
    "measure.stage.completion": (
        rows.stage_completion, "stages that were completed ÷ stages that missions left for good"
        + _UNTIL, True,
    ),
    "measure.safeguard.violations": (
        rows.violations, "missions with a finding that failed ÷ missions that came to Execute &"
        " Observe" + _UNTIL, True,
    ),
    "measure.safeguard.auto_fix": (
        rows.auto_fix, "findings fixed at once ÷ findings that agents may fix" + _UNTIL, True,
    ),
    "measure.undo.coverage": (
        rows.undo_coverage, "steps that change something and have one that takes it back ÷ steps"
        " that change something, of the plays that executed" + _UNTIL, True,
    ),
    "measure.undo.rollback_ratio": (
        rows.rollback_ratio, "undo runs asked for ÷ runs started; drills do not count" + _UNTIL,
        True,
    ),
}  # fmt: skip
_MORE: tuple[tuple[str, str, str, str, Tell], ...] = (
    ("feedback.rating", "Rating of missions", "of 5", "mean rating of the feedback given",
     rows.rating),
    ("feedback.effort_saved", "Effort saved", "h", "hours that people say missions saved them",
     rows.effort_saved),
    ("library.published", "Versions published", "a month",
     "versions of assets published to the library", rows.published),
)  # fmt: skip


def _value(tell: Tell, workspace_id: int, start: datetime, end: datetime) -> float | None:
    return tell(workspace_id, start, end).value


def register() -> None:
    """After telemetry has filled the board from events."""
    for slug, (tell, formula, falls_back) in TABLE.items():
        known = kpis.get(slug)
        if known is None or known.formula == formula:
            continue
        before = known.parts
        full = rows.rows_first(tell, before) if falls_back and before is not None else tell
        kpis.replace(
            replace(
                known, formula=formula, compute=partial(_value, full), parts=full,
                version=known.version + 1,
            )
        )  # fmt: skip
    for slug, title, unit, formula, tell in _MORE:
        kpis.register(
            Kpi(
                slug=slug, title=title, unit=unit, formula=formula,
                compute=partial(_value, tell), parts=tell, cadence=MONTH, link=BOARD,
                action="telemetry.view", source="feedback and published assets", on_home=False,
            )
        )  # fmt: skip
