"""How a play is taken back, as its mission's page shows it; a run of it on a page of its own."""

from __future__ import annotations

from typing import Any

from controlplane.lib import clock, kept
from controlplane.lib.actors import Actor
from controlplane.lib.lasting import lasted
from missions import links, reads
from missions import numbers_plans as numbers
from missions.execution.coverage import coverage, share
from missions.models import Mission, Play, UndoPlan, UndoRun, UndoStep
from missions.services import undoing
from missions.services.outstanding import is_over, outstanding, standing_steps, unheard
from missions.shown.deciding import Act, Ask, Tried, refusal_of, said_once, with_trial

MOST_RUNS = 20
RUNS = (
    ("run", "Run", "link"),
    ("state", "State", "state"),
    ("by", "Asked for by", "person"),
    ("at", "When", "when"),
    ("took", "Took", "duration"),
    ("outcome", "Outcome"),
)


def shown(
    play: Play, mission: Mission, actor: Actor, tried: Tried | None, closed: str
) -> dict[str, Any]:
    plan = UndoPlan.objects.filter(play=play).first()
    steps = sorted(play.steps.all(), key=lambda step: step.position)
    undo = standing_steps(plan) if plan is not None else []
    mutating, covered, proven = coverage(steps, undo)
    if plan is not None:
        plan.play = play
    left = outstanding(plan) if plan is not None and plan.status != "draft" else []
    acts = _acts(plan, mission, actor, closed, left) if plan is not None else []
    runs = list(plan.runs.order_by("-pk")[:MOST_RUNS]) if plan is not None else []
    return {
        "plan": plan,
        "mutating": mutating,
        "covered": covered,
        "proven": proven,
        "coverage": share(covered, mutating),
        "verified": share(proven, mutating),
        "pairs": _pairs(steps, undo),
        "others": [step for step in undo if step.alternate or step.play_step is None],
        "acts": with_trial(acts, tried),
        "wants_ready": plan is not None and plan.status == "draft" and mutating == covered,
        "columns": RUNS,
        "runs": [_run_row(run, mission) for run in runs],
        "over": plan is not None and plan.deadline_at is not None
        and plan.deadline_at <= clock.now(),
        "unheard": unheard(plan) if plan is not None else 0,
        "left": left,
        "api": f"PUT /api/v1/missions/{mission.ref}/plays/{play.uid}/undo-plan",
    }  # fmt: skip


def _pairs(steps: list[Any], undo: list[UndoStep]) -> list[dict[str, Any]]:
    """Each step that changes something, beside what takes it back."""
    by_step: dict[int, list[UndoStep]] = {}
    for step in undo:
        if step.play_step_id is not None and not step.alternate:
            by_step.setdefault(step.play_step_id, []).append(step)
    return [{"step": step, "undo": by_step.get(step.pk, [])} for step in steps if step.mutating]


def _acts(
    plan: UndoPlan, mission: Mission, actor: Actor, closed: str, left: list[UndoStep]
) -> list[Act]:
    at, found = str(plan.uid), []
    running = plan.runs.open().exists()
    version = Ask("version", kind="hidden", value=plan.version)
    write = closed or refusal_of(actor, "mission.plan", mission)
    may = refusal_of(actor, "mission.undo", mission)
    why = Ask("reason", "Because", required=True)
    busy = "it is being carried out" if running else ""
    if plan.status == "draft":
        found.append(Act("ready", at, "It is ready", asks=(version,), refusal=write))
    elif not closed:
        found.append(
            Act("open", at, "Open it again", "Open it", (Ask("reason", "Because"), version),
                busy or write)
        )  # fmt: skip
    if left:
        over = is_over(plan)
        asks = (why, *((Ask("late", kind="hidden", value="on"),) if over else ()))
        label = "Take it back late" if over else "Take it back"
        found.append(Act("undo", at, label, "Take it back", asks, busy or may))
    if plan.status == "ready" and plan.deadline_at is not None:
        found.append(
            Act("close", at, "End the time to undo", "End it", (why, version), busy or may)
        )
    if mission.is_open:
        found.append(Act("drill", at, "Practise it", "Practise it", (why,), busy or may))
    return found


_TONES = {"requested": "info", "running": "info", "completed": "good", "failed": "bad",
          "withdrawn": "neutral"}  # fmt: skip


def _run_row(run: UndoRun, mission: Mission) -> dict[str, Any]:
    kind = "Drill" if run.drill else "The other way" if run.alternate else "Undo"
    url = f"/admin/missions/mission/{mission.uid}/undo/{run.uid}/"
    return {
        "run": {"text": kind + (", late" if run.late else ""), "url": url},
        "state": {"value": run.get_status_display(), "tone": _TONES[run.status]},
        "by": run.requested_by,
        "at": run.requested_at,
        "took": lasted(run.started_at, run.finished_at) if run.started_at else None,
        "outcome": run.outcome or run.reason,
    }


# --- One run ------------------------------------------------------------------------------------


def run_page(run: UndoRun, actor: Actor, tried: Tried | None = None) -> dict[str, Any]:
    mission = run.plan.mission
    may = refusal_of(actor, "mission.execute", mission)
    attempts: dict[int, list[Any]] = {}
    for each in run.attempts.order_by("pk"):
        attempts.setdefault(each.step_id, []).append(each)
    rows: list[dict[str, Any]] = []
    next_found = False
    for step in undoing.steps_of(run):
        tries = attempts.get(step.pk, [])
        settled = bool(tries) and tries[-1].result != "failed"
        here = run.is_open and not settled and not next_found
        next_found = next_found or here
        acts = _step_acts(step, may, here) if run.is_open and not settled else []
        rows.append(
            {
                "step": step,
                "at": f"step-{step.position}",
                "tries": tries,
                "state": _state(tries, run),
                "acts": with_trial(acts, tried),
            }
        )
    given, follows = _run_acts(run, mission, actor, may), run.followed_by
    done = sum(1 for row in rows if row["tries"] and row["tries"][-1].result == "done")
    return {
        "run": run,
        "plan": run.plan,
        "rows": rows,
        "done": done,
        "acts": with_trial(given, tried),
        "no": said_once(given),
        "refusal": may if run.is_open else "",
        "most": numbers.UNDO_TRIES.value,
        "tone": _TONES[run.status],
        "took": lasted(run.started_at, run.finished_at) if run.started_at else None,
        "next_url": links.undo_run_page(follows) if follows is not None else "",
        "next_words": "The other way is taken"
        if follows is not None and follows.alternate
        else "What is left goes on",
        "api": f"POST /api/v1/missions/{mission.ref}/undo-runs/{run.uid}/attempts",
    }


def _state(tries: list[Any], run: UndoRun) -> tuple[str, str]:
    if not tries:
        return ("To do", "info") if run.is_open else ("Not tried", "neutral")
    last = tries[-1].result
    if last == "failed":
        return ("Failed", "warn")
    return ("Done", "good") if last == "done" else ("Skipped", "neutral")


def _step_acts(step: UndoStep, may: str, here: bool) -> list[Act]:
    if may:
        return []
    at, place = f"step-{step.position}", Ask("step", kind="hidden", value=step.position)
    seen = Ask("note", "What you saw", most=1_000)
    wrong = Ask("note", "What went wrong", most=1_000, required=True)
    return [
        Act("done", at, "Done", "It is taken back", (seen, place), primary=here, about=str(step)),
        Act("failed", at, "It failed", "It failed", (wrong, place), about=str(step)),
        Act("skipped", at, "Skip", "Skip it",
            (Ask("note", "Why not", most=1_000, required=True), place), about=str(step)),
    ]  # fmt: skip


def _run_acts(run: UndoRun, mission: Mission, actor: Actor, may: str) -> list[Act]:
    why, found = Ask("reason", "Because", required=True), []
    if run.is_open and not may:
        words = "The alternates follow, or an incident."
        found.append(
            Act("fail", "run", "Give it up", "Give it up",
                (Ask("reason", "Because", required=True, help=words),))
        )  # fmt: skip
    if run.status == UndoRun.Status.REQUESTED:
        refusal = refusal_of(actor, "mission.undo", mission)
        found.append(Act("withdraw", "run", "Withdraw it", "Withdraw it", (why,), refusal))
    return found


# --- On the mission's page ----------------------------------------------------------------------


def card(mission: Mission, actor: Actor) -> dict[str, Any] | None:
    play = reads.selected_play(mission)
    if play is None:
        return None
    plan = reads.undo_plan(mission)
    if plan is None:
        return None
    steps = kept.of(play, "steps", lambda rows: rows.all())
    mutating, covered, proven = coverage(steps, standing_steps(plan))
    tones = {"draft": "warn", "ready": "good", "executed": "neutral", "expired": "neutral"}
    open_ = kept.of(plan, "runs", lambda rows: rows.open().order_by("-pk")[:1])
    running = next(iter(open_), None)
    facts: list[tuple[str, Any]] = [
        ("Covers", f"{covered} of {mutating} changes"),
        ("Proven", f"{proven} of {mutating}"),
        ("Window", f"{plan.window_minutes} minutes"),
    ]
    if plan.deadline_at is not None and plan.status == "ready":
        facts.append(("Until", f"{plan.deadline_at:%Y-%m-%d %H:%M} UTC"))
    lines = []
    if running is not None:
        running.plan = plan
        plan.play = play
        play.mission = mission
        lines.append({"text": str(running), "url": links.undo_run_page(running),
                      "state": running.get_status_display(), "tone": "warn"})  # fmt: skip
    return {
        "badge": (plan.get_status_display(), tones[plan.status]),
        "about": plan.label,
        "facts": facts,
        "lines": lines,
        "link": "Undo plan",
    }


def card_url(mission: Mission) -> str:
    return f"{links.plan_page(mission)}#undo"
