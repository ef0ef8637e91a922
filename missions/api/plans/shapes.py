"""Rows as the API answers them."""

from __future__ import annotations

from typing import Any

from missions.execution.coverage import coverage, share
from missions.models import (
    DutyWindow,
    Mission,
    PlanNote,
    Play,
    PlayStep,
    RiskEntry,
    Run,
    UndoPlan,
    UndoRun,
    UndoStep,
)
from missions.services import executing, undoing
from missions.services.outstanding import standing_steps
from missions.services.plan_notes import latest_check, plan_digest


def plays(mission: Mission, *, everything: bool = False) -> list[dict[str, Any]]:
    """With their steps and undo plans, in three questions."""
    rows = mission.plays.all() if everything else mission.plays.live()
    found = list(rows.order_by("rank", "-pk")[:60])
    steps: dict[int, list[PlayStep]] = {}
    for step in PlayStep.objects.filter(play__in=found).order_by("position"):
        steps.setdefault(step.play_id, []).append(step)
    plans = {
        plan.play_id: plan
        for plan in UndoPlan.objects.filter(play__in=found).prefetch_related("steps__play_step")
    }
    return [play(row, steps.get(row.pk, []), plans.get(row.pk)) for row in found]


_PLAY = (
    "uid", "key", "rank", "title", "rationale", "impact", "confidence", "effort", "risk",
    "precedents", "status", "proposed_by", "proposed_at", "selected_at", "reason", "version",
)  # fmt: skip


def play(row: Play, steps: list[PlayStep], plan: UndoPlan | None) -> dict[str, Any]:
    undoing_ = _standing(plan) if plan is not None else []
    covered = {step.play_step_id for step in undoing_ if not step.alternate}
    return {
        **{name: getattr(row, name) for name in _PLAY},
        "steps": [
            {
                "position": step.position,
                "toolkit": step.toolkit,
                "action": step.action,
                "summary": step.summary,
                "mutating": step.mutating,
                "covered": not step.mutating or step.pk in covered,
            }
            for step in steps
        ],
        "undo": undo_plan(plan, undoing_, steps) if plan is not None else None,
    }


def _standing(plan: UndoPlan) -> list[UndoStep]:
    rows = [step for step in plan.steps.all() if step.removed_at is None]
    return sorted(rows, key=lambda step: step.position)


_UNDO = (
    "uid", "label", "impact", "window_minutes", "status", "ready_at", "tested_at", "deadline_at",
    "closed_at", "closed_reason", "version",
)  # fmt: skip


def undo_plan(plan: UndoPlan, undo: list[UndoStep], steps: list[PlayStep]) -> dict[str, Any]:
    mutating, covered, proven = coverage(steps, undo)
    return {
        **{name: getattr(plan, name) for name in _UNDO},
        "coverage_percent": share(covered, mutating),
        "verified_percent": share(proven, mutating),
        "steps": [undo_step(step) for step in undo],
    }


def one_undo_plan(plan: UndoPlan) -> dict[str, Any]:
    steps = list(PlayStep.objects.filter(play=plan.play_id))
    return undo_plan(plan, standing_steps(plan), steps)


def undo_step(step: UndoStep) -> dict[str, Any]:
    return {
        "position": step.position,
        "play_step": step.play_step.position if step.play_step is not None else None,
        "action": step.action,
        "inverse": step.inverse,
        "verify": step.verify,
        "alternate": step.alternate,
        "verified_at": step.verified_at,
    }


_UNDO_RUN = (
    "uid", "status", "drill", "alternate", "late", "reason", "requested_by", "requested_at",
    "started_at", "finished_at", "reversed", "outcome",
)  # fmt: skip


def undo_run(run: UndoRun) -> dict[str, Any]:
    rows = run.attempts.select_related("step").order_by("pk")
    return {
        **{name: getattr(run, name) for name in _UNDO_RUN},
        "followed_by": run.followed_by.uid if run.followed_by is not None else None,
        "item": run.item_key,
        "steps": [undo_step(step) for step in undoing.steps_of(run)],
        "attempts": [
            {
                "step": each.step.position,
                "number": each.number,
                "result": each.result,
                "note": each.note,
                "by": each.by,
                "at": each.at,
            }
            for each in rows
        ],
    }


_RUN = ("uid", "external_id", "status", "agent", "queued_at", "started_at", "ended_at", "outcome",
        "version")  # fmt: skip


def run(row: Run) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in _RUN},
        "play": row.play.key,
        "steps": executing.tally(row),
    }


def notes(note: PlanNote | None) -> dict[str, Any]:
    return {
        "risk_notes": note.risk_notes if note is not None else "",
        "sla_impact": note.sla_impact if note is not None else "",
        "changed_by": note.changed_by if note is not None else "",
        "changed_at": note.changed_at if note is not None else None,
        "version": note.version if note is not None else 0,
    }


_RISK = ("uid", "title", "likelihood", "impact", "score", "reversibility", "mitigation",
         "created_by", "created_at", "removed_at", "version")  # fmt: skip


def risk(row: RiskEntry) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in _RISK},
        "owner": row.owner.uid if row.owner is not None else None,
    }


def hooks(mission: Mission) -> dict[str, Any]:
    visit = mission.visits.filter(stage="plan_approve").order_by("-pk").first()
    if visit is None:
        return {"sha256": "", "stands": False, "passed": None, "details": "", "by": "", "at": None}
    visit.mission = mission
    check, digest = latest_check(visit), plan_digest(visit)
    return {
        "sha256": digest,
        "stands": check is not None and check.sha256 == digest,
        "passed": check.passed if check is not None else None,
        "details": check.details if check is not None else "",
        "by": check.by if check is not None else "",
        "at": check.at if check is not None else None,
    }


def duty(row: DutyWindow) -> dict[str, Any]:
    return {
        "uid": row.uid,
        "person": row.person.uid,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
        "note": row.note,
        "cancelled_at": row.cancelled_at,
    }
