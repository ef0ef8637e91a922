"""What people sign of a plan: the chosen play and what there was to choose from, how it is taken
back, what can go wrong. States and times that change by themselves are not among it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from missions import reads
from missions.gates import registry
from missions.models import StageVisit

STAGE = ("plan_approve",)


def _key(visit: StageVisit) -> str:
    play = reads.selected_play(visit.mission)
    return play.key if play is not None else ""


def _play(visit: StageVisit) -> dict[str, Any] | None:
    play = reads.selected_play(visit.mission)
    if play is None:
        return None
    return {
        "rank": play.rank,
        "title": play.title,
        "rationale": play.rationale,
        "impact": play.impact,
        "confidence": str(play.confidence) if play.confidence is not None else None,
        "effort": play.effort,
        "risk": play.risk,
        "reason": play.reason,
        "steps": [
            {
                "position": step.position,
                "toolkit": step.toolkit,
                "action": step.action,
                "summary": step.summary,
                "changes": step.mutating,
            }
            for step in reads.STEPS.of(visit.mission)
        ],
    }


def _plays(visit: StageVisit) -> list[dict[str, Any]]:
    return [
        {"rank": play.rank, "title": play.title, "impact": play.impact, "effort": play.effort,
         "risk": play.risk, "selected": play.status == "selected"}
        for play in reads.PLAYS.of(visit.mission)
    ]  # fmt: skip


def _undo(visit: StageVisit) -> dict[str, Any] | None:
    plan = reads.undo_plan(visit.mission)
    if plan is None:
        return None
    return {
        "label": plan.label,
        "impact": plan.impact,
        "window_minutes": plan.window_minutes,
        "steps": [
            {
                "takes_back": step.play_step.position if step.play_step is not None else None,
                "action": step.action,
                "inverse": step.inverse,
                "verify": step.verify,
                "alternate": step.alternate,
            }
            for step in reads.UNDO_STEPS.of(visit.mission)
        ],
    }


def _risks(visit: StageVisit) -> list[dict[str, Any]]:
    return [
        {"title": risk.title, "likelihood": risk.likelihood, "impact": risk.impact,
         "reversibility": risk.reversibility, "mitigation": risk.mitigation,
         "owner": f"user:{risk.owner_id}" if risk.owner_id else ""}
        for risk in reads.RISKS.of(visit.mission)
    ]  # fmt: skip


def _notes(visit: StageVisit) -> dict[str, str]:
    note = next(iter(reads.NOTES.of(visit.mission)), None)
    return {
        "risk_notes": note.risk_notes if note is not None else "",
        "sla_impact": note.sla_impact if note is not None else "",
    }


def _planners(visit: StageVisit) -> Iterable[str]:
    """Who proposed what there was to choose from, and who chose."""
    plays = reads.PLAYS.of(visit.mission)
    return [ref for play in plays for ref in (play.proposed_by, play.selected_by) if ref]


def _undoers(visit: StageVisit) -> Iterable[str]:
    plan = reads.undo_plan(visit.mission)
    return [plan.made_by, *plan.authors] if plan is not None else []


def _risk_authors(visit: StageVisit) -> Iterable[str]:
    return [ref for risk in reads.RISKS.of(visit.mission) for ref in risk.authors]


def _noters(visit: StageVisit) -> Iterable[str]:
    return [ref for note in reads.NOTES.of(visit.mission) for ref in note.authors]


registry.sign("mission_play", stages=STAGE, read=_key)
registry.sign("play", stages=STAGE, read=_play, made_by=_planners)
registry.sign("plays", stages=STAGE, read=_plays)
registry.sign("undo_plan", stages=STAGE, read=_undo, made_by=_undoers)
registry.sign("risks", stages=STAGE, read=_risks, made_by=_risk_authors)
registry.sign("plan_notes", stages=STAGE, read=_notes, made_by=_noters)

registry.COUNTS["plays"] = lambda mission: mission.plays.live().count()
registry.COUNTS["risks"] = lambda mission: mission.risks.standing().count()
registry.COUNTS["runs"] = lambda mission: mission.runs.count()
registry.COUNTS["steps"] = lambda mission: mission.run_steps.count()
