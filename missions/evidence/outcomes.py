"""What a bundle tells of how it went: what safeguards found, what agents did, how it can be undone,
and what it brought."""

from __future__ import annotations

from typing import Any

from django.db.models import Sum

from missions.evidence.parts import bundle_part
from missions.models import (
    Feedback,
    Finding,
    Mission,
    Retrospective,
    Run,
    RunStep,
    Safeguard,
    TrainingItem,
    UndoPlan,
    UndoRun,
)

MOST = 20_000
_SAFEGUARD = ("title", "category", "severity", "mode", "status", "justification")
_FINDING = (
    *("phase", "stage", "result", "severity", "message", "step", "toolkit", "auto_fix_attempted"),
    *("auto_fix_success", "unhandled", "status", "resolution", "found_at", "episode"),
)
_STEP = (
    *("external_id", "toolkit", "action", "arguments", "mutating", "status", "started_at"),
    *("ended_at", "latency_ms", "error_code"),
)


def safeguards(mission: Mission) -> dict[str, Any] | None:
    """`safeguard_outcomes`: what was agreed, and what was found against it."""
    agreed = list(Safeguard.objects.filter(mission=mission).order_by("pk").values(*_SAFEGUARD))
    rows = Finding.objects.filter(mission=mission).order_by("found_at", "pk")
    found = list(rows.values("safeguard__title", *_FINDING)[:MOST])
    if not agreed and not found:
        return None
    return {"safeguards": agreed, "findings": found}


def run_log(mission: Mission) -> dict[str, Any] | None:
    """What agents did, step by step, as they reported it; arguments are redacted as they came."""
    runs = list(Run.objects.filter(mission=mission).order_by("pk"))
    if not runs:
        return None
    return {
        "runs": [
            {
                "run": run.external_id,
                "status": run.status,
                "started_at": run.started_at,
                "ended_at": run.ended_at,
                "outcome": run.outcome,
                "steps": list(
                    RunStep.objects.filter(run=run)
                    .order_by("started_at", "external_id")
                    .values(*_STEP)[:MOST]
                ),
            }
            for run in runs
        ]
    }


def undo(mission: Mission) -> dict[str, Any] | None:
    """`undo_hints`: how what was done can be taken back, until when, and what was tried."""
    plans = UndoPlan.objects.filter(play__mission=mission, play__status="selected")
    plan = plans.select_related("play").first()
    if plan is None:
        return None
    steps = plan.steps.filter(removed_at=None).order_by("position", "pk")
    tried = UndoRun.objects.filter(plan=plan).order_by("pk")
    return {
        "play": plan.play.title,
        "label": plan.label,
        "impact": plan.impact,
        "window_minutes": plan.window_minutes,
        "deadline_at": plan.deadline_at,
        "tested_at": plan.tested_at,
        "steps": list(steps.values("position", "action", "inverse", "verify", "alternate",
                                   "verified_at")),
        "tried": list(tried.values("drill", "status", "late", "reason", "started_at",
                                   "finished_at", "reversed", "outcome")),
    }  # fmt: skip


def figures(mission: Mission) -> dict[str, Any] | None:
    """`roi_metrics`: how many actions, how many of them without a person, what people say it saved
    them."""
    steps = RunStep.objects.filter(mission=mission)
    total = steps.count()
    given = Feedback.objects.filter(mission=mission, status="given")
    saved = given.aggregate(sum=Sum("effort_saved_minutes"))["sum"]
    if not total and saved is None:
        return None
    done = steps.filter(status="succeeded").count()
    return {
        "actions": total,
        "actions_succeeded": done,
        "automation_ratio": round(min(1.0, done / total), 4) if total else None,
        "time_saved_hours": round(saved / 60, 2) if saved is not None else None,
        "feedback": given.count(),
    }


_RETRO = (
    *("summary", "went_well", "to_improve", "kpi_actual", "kpi_note", "figures", "figures_at"),
    *("reuse", "reuse_reason", "training_note"),
)
_FEEDBACK = ("status", "rating", "satisfaction", "effort_saved_minutes", "blockers", "text",
             "declined_reason", "answered_at")  # fmt: skip
_FOLLOWS = ("title", "due_on", "dropped_at")
_TRAINING = ("title", "role", "detail", "status", "due_on", "reason")


def retrospective(mission: Mission) -> dict[str, Any] | None:
    """What was learnt, attempt by attempt, what people said, and what follows. Who said it stands
    in the portal: the bundle travels."""
    said = [
        {
            "attempt": row.visit.attempt,
            **{name: getattr(row, name) for name in _RETRO},
            "follows": list(row.followups.order_by("pk").values(*_FOLLOWS)),
        }
        for row in Retrospective.objects.filter(visit__mission=mission)
        .select_related("visit")
        .order_by("pk")
    ]
    answers = Feedback.objects.filter(mission=mission).exclude(status="asked").order_by("pk")
    feedback = list(answers.values(*_FEEDBACK))
    training = list(TrainingItem.objects.filter(mission=mission).order_by("pk").values(*_TRAINING))
    if not said and not feedback and not training:
        return None
    return {"retrospectives": said, "feedback": feedback, "training": training}


bundle_part("retrospective", retrospective)
bundle_part("safeguards", safeguards)
bundle_part("runs", run_log)
bundle_part("undo", undo)
bundle_part("figures", figures)
