"""Runs of a mission: the list, and the log of one as it grows."""

from __future__ import annotations

from typing import Any

from controlplane.lib import kept
from controlplane.lib.actors import Actor
from controlplane.lib.lasting import lasted
from missions import links
from missions.execution.types import type_allowed
from missions.execution.watching import on_watch
from missions.models import Mission, Run, RunStep
from missions.querysets_plans import UNHEARD
from missions.services import executing, hearsay
from missions.shown.deciding import Act, Ask, Tried, refusal_of, said_once, with_trial

MOST_RUNS = 50
MOST_STEPS = 200
RUNS = (
    ("run", "Run", "link"),
    ("state", "State", "state"),
    ("agent", "By", "person"),
    ("at", "Begun", "when"),
    ("took", "Took", "duration"),
    ("steps", "Steps"),
    ("outcome", "Outcome"),
)
STEPS = (
    ("step", "Step"),
    ("state", "State", "state"),
    ("toolkit", "Toolkit"),
    ("changes", "Undone by"),
    ("agent", "Agent"),
    ("took", "Took"),
    ("error", "Error", "code"),
    ("at", "Last word", "when"),
)
_TONES = {"queued": "neutral", "running": "info", "finished": "neutral", "aborted": "warn"}
_STEP_TONES = {"queued": "neutral", "running": "info", "skipped": "neutral", "failed": "warn",
               "succeeded": "good"}  # fmt: skip
ENDED = ((hearsay.MADE, "made"), (hearsay.NOT_MADE, "not made"))
FILTERS = (("", "All"), ("failed", "Failed"), ("running", "Running"), ("changing", "Changing"))


def page(mission: Mission) -> dict[str, Any]:
    rows = list(mission.runs.select_related("play").order_by("-pk")[:MOST_RUNS])
    for row in rows:
        row.mission = mission
    executes = mission.stage == executing.EXECUTE and mission.is_under_way
    return {
        "columns": RUNS,
        "rows": [_row(row) for row in rows],
        "executes": executes,
        "doors": _doors(mission) if executes else [],
        "api": f"POST /api/v1/missions/{mission.ref}/runs",
    }


def _row(run: Run) -> dict[str, Any]:
    found = executing.tally(run)
    failed = f", {found['failed']} failed" if found["failed"] else ""
    return {
        "run": {"text": run.external_id, "url": links.run_page(run)},
        "state": {"value": run.get_status_display(), "tone": _TONES[run.status]},
        "agent": run.agent,
        "at": run.started_at,
        "took": lasted(run.started_at, run.ended_at) if run.started_at else None,
        "steps": f"{found['succeeded']} of {found['all']} done{failed}",
        "outcome": run.outcome or run.play.title,
    }


def _doors(mission: Mission) -> list[dict[str, Any]]:
    """What is asked before each step, as it would be answered now."""
    kind, watch = type_allowed(mission), on_watch(mission)
    held = mission.status == Mission.Status.PAUSED
    return [
        {"name": "Mission", "good": not held,
         "words": f"Paused: {mission.pause_reason}" if held else "It is active."},
        {"name": "Its type", "good": kind.allowed, "words": kind.words},
        {"name": "Somebody watches", "good": bool(watch), "words": watch.words},
    ]  # fmt: skip


# --- One run ------------------------------------------------------------------------------------


def log(run: Run, chosen: str = "") -> dict[str, Any]:
    """What is asked for again while it runs: the newest word first."""
    rows = run.steps.select_related("undo_step").order_by("-reported_at", "-pk")
    if chosen == "changing":
        rows = rows.filter(mutating=True)
    elif chosen in {"failed", "running"}:
        rows = rows.filter(status=chosen)
    found = list(rows[: MOST_STEPS + 1])
    tally = executing.tally(run)
    return {
        "run": run,
        "tally": tally,
        "failed": f"{tally['failed']} failed",
        "tone": _TONES[run.status],
        "columns": STEPS,
        "steps": [_step(row) for row in found[:MOST_STEPS]],
        "cut": len(found) > MOST_STEPS,
        "took": lasted(run.started_at, run.ended_at) if run.started_at else None,
    }


def _step(row: RunStep) -> dict[str, Any]:
    changes = "–"
    if row.mutating:
        undo = row.undo_step
        changes = f"Step {undo.position}: {undo.action}" if undo is not None else "Nothing"
    return {
        "step": row.action or row.external_id,
        "state": {"value": row.get_status_display(), "tone": _STEP_TONES[row.status]},
        "toolkit": row.toolkit,
        "changes": changes,
        "agent": row.agent,
        "took": f"{row.latency_ms:,} ms" if row.latency_ms is not None else "",
        "error": row.error_code,
        "at": row.reported_at,
    }


def run_page(
    run: Run, actor: Actor, chosen: str = "", tried: Tried | None = None
) -> dict[str, Any]:
    acts = []
    if run.is_open:
        why = refusal_of(actor, "mission.execute", run.mission)
        acts = [
            Act("abort", "run", "Abort it", "Abort it", (Ask("reason", "Because", required=True),),
                why)
        ]  # fmt: skip
    acts += _unheard(run, actor)
    at = links.run_page(run)
    return {
        **log(run, chosen),
        "acts": with_trial(acts, tried),
        "no": said_once(acts),
        "filters": [
            {"label": label, "url": f"{at}?show={slug}" if slug else at, "on": slug == chosen}
            for slug, label in FILTERS
        ],
        "plan_url": links.plan_page(run.mission),
    }


def _unheard(run: Run, actor: Actor) -> list[Act]:
    """Of what was let go and nobody spoke since, a person who looked may say how it ended: until
    then it counts as perhaps done."""
    names = list(
        RunStep.objects.filter(UNHEARD, run=run)
        .order_by("pk")
        .values_list("external_id", flat=True)[:MOST_STEPS]
    )
    if not names:
        return []
    asks = (
        Ask("step", "Step", "choice", choices=[(name, name) for name in names], required=True),
        Ask("ended", "It was", "choice", choices=ENDED, required=True),
        Ask("reason", "How you know", required=True),
    )
    words = "Say how a step ended"
    return [
        Act("said", "run", words, words, asks, refusal_of(actor, "mission.execute", run.mission))
    ]


# --- On the mission's page ----------------------------------------------------------------------


def card(mission: Mission, actor: Actor) -> dict[str, Any] | None:
    rows = kept.of(mission, "runs", lambda rows: rows.select_related("play").order_by("-pk")[:3])
    if not rows and mission.stage != executing.EXECUTE:
        return None
    for row in rows:
        row.mission = mission
    open_ = next((row for row in rows if row.is_open), None)
    watch = on_watch(mission) if mission.stage == executing.EXECUTE else None
    return {
        "badge": ("Running", "info") if open_ is not None else (f"{len(rows)} runs", "neutral")
        if rows else ("None yet", "neutral"),
        "about": watch.words if watch is not None else "",
        "lines": [
            {"text": row.external_id, "url": links.run_page(row), "note": _row(row)["steps"],
             "state": row.get_status_display(), "tone": _TONES[row.status], "at": row.queued_at}
            for row in rows
        ],
        "empty": f"The executor begins one: POST /api/v1/missions/{mission.ref}/runs",
        "link": "Runs",
    }  # fmt: skip


def card_url(mission: Mission) -> str:
    return links.runs_page(mission)
