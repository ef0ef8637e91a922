"""What the pages of a rollout say of it."""

from __future__ import annotations

from typing import Any

from deployments.canary.judge import RULES
from deployments.canary.limits import JUDGES, Limits
from deployments.models import Rollout, RolloutEvent, RolloutStep

EVENTS = 20


def current(rollout: Rollout) -> RolloutStep | None:
    """The step that runs, or the last one that did."""
    begun = [step for step in rollout.steps.all() if step.state != "pending"]
    return begun[-1] if begun else None


def reached(rollout: Rollout) -> str:
    step = current(rollout)
    if rollout.status == "rolled_back":
        return "0 %"
    return f"{step.percent} %" if step is not None else "–"


def said(rollout: Rollout) -> str:
    step = current(rollout)
    return RULES.get(step.rule, "") if step is not None else ""


STEP_COLUMNS = (
    ("cohort", "Cohort"),
    ("state", "State", "state"),
    ("holds", "Holds", "number", "min"),
    ("since", "Since", "when"),
    ("next", "Next at the earliest", "countdown"),
    ("said", "The judge says"),
)
SIDE_COLUMNS = (
    ("title", "Requests"),
    ("count", "Count", "number"),
    ("share", "Share"),
    ("bounds", "99 % bounds"),
    ("limit", "Limit"),
    ("proof", "Proof of being above", "percent"),
)
DECISION_COLUMNS = (
    ("what", "Decision"),
    ("cohort", "Cohort"),
    ("why", "Why"),
    ("at", "When", "when"),
)
# Where the name alone is no word for what happened.
WHAT = {"ask": "Asked a person", "figures": "Figures posted", "hold": "Held"}
COUNTED = {"n": "requests", "errors": "failed", "slow": "slow", "violations": "violations"}


def panel(rollout: Rollout) -> dict[str, Any]:
    limits = Limits.read(rollout.limits)
    step = current(rollout)
    events = rollout.events.select_related("step").order_by("-id")[:EVENTS]
    return {
        "step": step,
        "seen": _seen(step) if step is not None else "",
        "step_columns": STEP_COLUMNS,
        "step_rows": [_step(each) for each in rollout.steps.all()],
        "side_columns": SIDE_COLUMNS,
        "side_rows": _sides(step) if step is not None else [],
        "judge": f"{limits.judge}: {JUDGES[limits.judge]}",
        "baseline": _baseline(rollout),
        "decision_columns": DECISION_COLUMNS,
        "decision_rows": [_decision(each) for each in events],
    }


def _decision(event: RolloutEvent) -> dict[str, Any]:
    """Figures that came in have no reason; they say themselves what they are."""
    return {
        "what": WHAT.get(event.what, event.what.replace("_", " ").capitalize()),
        "cohort": f"{event.step.percent} %" if event.step is not None else None,
        "why": event.reason or (_counted(event) if event.what == "figures" else ""),
        "at": event.at,
    }


def _counted(event: RolloutEvent) -> str:
    known = [name for name in COUNTED if name in event.numbers]
    return ", ".join(f"{event.numbers[name]:,} {COUNTED[name]}" for name in known)


def _seen(step: RolloutStep) -> str:
    requests, broken = step.numbers.get("requests", 0), step.numbers.get("violations", 0)
    counted = f"{requests:,} request{'' if requests == 1 else 's'}"
    return f"{counted}, {broken:,} safeguard violation{'' if broken == 1 else 's'}"


def _percent(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f}\u00a0%"


def _step(step: RolloutStep) -> dict[str, Any]:
    runs = step.state in ("running", "held")
    early = f"Early: {step.override_reason}" if step.override_reason else ""
    return {
        "cohort": f"{step.percent} %",
        "state": step.state,
        "holds": step.hold_minutes,
        "since": step.started_at,
        "next": step.earliest_next_at if runs else None,
        "said": ". ".join(filter(None, [step.reason, early])),
    }


def _sides(step: RolloutStep) -> list[dict[str, Any]]:
    """Errors and slow requests: the share, its bounds, the limit, and how far the proof is."""
    names = {"errors": "Failed", "slow": "Slow"}
    return [
        {
            "title": title,
            "count": told["count"],
            "share": _percent(told["share"]),
            "bounds": f"{_percent(told['low'])} to {_percent(told['high'])}",
            "limit": _percent(told["limit"], 0),
            "proof": round(100 * told["proof"]),
        }
        for name, title in names.items()
        if (told := step.numbers.get(name))
    ]


def _baseline(rollout: Rollout) -> str:
    if rollout.baseline is None:
        return ""
    figures = rollout.baseline.figures
    rate, p95 = figures.get("error_rate"), figures.get("p95_ms")
    said = [f"{figures.get('requests', 0):,} requests"]
    said.append("errors unknown" if rate is None else f"errors {_percent(rate)}")
    said.append("p95 unknown" if p95 is None else f"p95 {p95:,.0f} ms")
    return ", ".join(said)
