"""Runs of a play: begun, ended, given up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q

from controlplane.access import policy
from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet, InvalidTransition
from missions.execution import merging
from missions.execution.types import type_allowed
from missions.execution.watching import on_watch
from missions.gates import registry
from missions.gates.kinds import PASSED
from missions.gates.looking import Look
from missions.models import Mission, Play, Run, RunStep, UndoPlan
from missions.querysets_plans import STEP_ENDED
from missions.services import moving, outstanding, reading, reading_plans
from missions.services.checkpoints import go_on_if_signed
from missions.services.holding import hold, open_visit, require_status
from missions.services.noting import PORTAL, emit, say, tell

EXECUTE = "execute_observe"
ABORTED = "ABORTED"


def require_executing(mission: Mission) -> None:
    """Held, ended or elsewhere, it does nothing: what is paused begins nothing at all."""
    if mission.status == Mission.Status.PAUSED:
        raise InvalidTransition(
            f"{mission.ref} is paused: {mission.pause_reason}",
            details={"status": mission.status, "cause": mission.paused_cause, "legal": "active"},
        )
    require_status(mission, "active")
    if mission.stage != EXECUTE:
        raise InvalidTransition(
            f"{mission.ref} is in {mission.get_stage_display()}: nothing is executed there.",
            details={"stage": mission.stage, "legal": EXECUTE},
        )


def require(*points: tuple[str, bool, str]) -> None:
    """Refuse with every open point: (gate, whether it holds, words)."""
    unmet = [(gate, words) for gate, holds, words in points if not holds]
    if unmet:
        raise GateNotMet(
            " ".join(words for _, words in unmet)[:2_000],
            details={
                "conditions": [words for _, words in unmet],
                "gates": [{"gate": gate, "detail": words} for gate, words in unmet],
            },
        )


@transaction.atomic
def start_run(
    mission: Mission,
    *,
    actor: Actor,
    external_id: str,
    estimated_seconds: int | None = None,
    version: int | None = None,
) -> Run:
    """Begin the play that was signed. Asked again under its id, it answers the same run."""
    policy.require(actor, "mission.execute", mission)
    key = reading.kept_line("external_id", external_id, 100, required=True)
    estimate = (
        0
        if estimated_seconds is None
        else reading_plans.whole("estimated_seconds", estimated_seconds, 0, 31_536_000)
    )
    row = hold(mission, version=version)
    known: Run | None = row.runs.select_related("play").filter(external_id=key).first()
    if known is not None:
        known.mission = row
        return known
    require_executing(row)
    play, visit = _play(row), open_visit(row)
    assert visit is not None
    other = row.runs.open().first()
    if other is not None:
        raise Conflict(f"{other} is under way. End it first.", details={"run": other.external_id})
    kind, watch = type_allowed(row), on_watch(row)
    signed = registry.answer("packet_unchanged", Look(row))
    require(
        ("packet_unchanged", signed.state == PASSED, signed.detail),
        ("type_enabled", kind.allowed, kind.words),
        ("duty_window", bool(watch), watch.words),
    )
    run = Run.objects.create(
        mission=row, visit=visit, play=play, external_id=key, agent=actor.ref[:80]
    )
    advance(run, "running", actor=actor, changes={"started_at": clock.now()})
    said = {
        "play_id": play.key,
        "action_count": play.steps.count(),
        "estimated_duration_seconds": estimate,
    }
    tell(row, "execution_started", said, actor=actor)
    say(row, f"{row.ref} is carried out: {play.title}", actor=actor)
    emit(row, "run_started", request=str(run.uid))
    return run


def _play(mission: Mission) -> Play:
    play: Play | None = mission.plays.selected().first()
    if play is None:
        raise GateNotMet(
            "No play is selected.",
            details={
                "conditions": ["No play is selected."],
                "gates": [{"gate": "play_selected", "detail": "No play is selected."}],
            },
        )
    return play


@transaction.atomic
def finish_run(run: Run, *, actor: Actor, outcome: str = "") -> Run:
    """Everything was asked for; reports may still be on their way. Finished already, nothing
    changes."""
    policy.require(actor, "mission.execute", run.mission)
    words = reading.kept_line("outcome", outcome, 500)
    row = hold_run(run)
    if row.status == Run.Status.FINISHED:
        return row
    _end(row, "finished", actor, words)
    go_on_if_signed(row.mission)
    return row


@transaction.atomic
def abort_run(run: Run, *, actor: Actor, reason: str) -> Run:
    """Nothing more of it is done. Steps that were under way are taken as failed until their own
    report says better."""
    policy.require(actor, "mission.execute", run.mission)
    why = reading.reason(reason)
    row = hold_run(run)
    if row.status == Run.Status.ABORTED:
        return row
    _abort(row, actor, why)
    go_on_if_signed(row.mission)
    return row


def hold_run(run: Run) -> Run:
    mission = hold(run.mission)
    row: Run = Run.objects.select_related("play").get(pk=run.pk)
    row.mission = mission
    return row


def end_open(mission: Mission, *, actor: Actor, reason: str) -> None:
    """The mission leaves Execute & Observe, or ends: nothing goes on without it. Callers hold
    it and were allowed to."""
    why = f"{actor.label}: {reason}" if reason else f"{mission.ref} does not execute any more."
    for run in mission.runs.open().select_related("play"):
        run.mission = mission
        _abort(run, PORTAL, why[:500])
    ended = mission.runs.select_related("play").filter(
        Exists(RunStep.objects.filter(run=OuterRef("pk")).exclude(status__in=STEP_ENDED))
    )
    for run in ended:  # finished, and some of its steps were never heard of again
        run.mission = mission
        _give_up_steps(run)


@moving.leaving(EXECUTE)
def left(mission: Mission, actor: Actor, reason: str) -> None:
    end_open(mission, actor=actor, reason=reason)


def _abort(run: Run, actor: Actor, why: str) -> None:
    _give_up_steps(run)
    _end(run, "aborted", actor, why)


def _give_up_steps(run: Run) -> None:
    """What nobody says any more: it may have been done up to now, and can be taken back from now
    on."""
    now, perhaps = clock.now(), outstanding.unheard_in(run)
    open_steps = RunStep.objects.filter(run=run).exclude(status__in=STEP_ENDED)
    for step in open_steps.only("pk", "marks", "version"):
        mark = [merging.FAR["failed"], merging.PORTAL, merging.RANK["failed"], "failed"]
        marks = {**step.marks, "status": mark, "error_code": [*mark[:3], ABORTED]}
        RunStep.objects.filter(pk=step.pk).update(
            status="failed", error_code=ABORTED, ended_at=now, marks=marks,
            version=step.version + 1,
        )  # fmt: skip
    plan = UndoPlan.objects.filter(play=run.play_id).first()
    if not perhaps:
        return
    if plan is not None:
        outstanding.extend(plan, now)
    words = f"Of {run} nobody said how {perhaps} changes ended: they may have been made."
    say(run.mission, words, actor=PORTAL)


def _end(run: Run, to: str, actor: Actor, words: str) -> None:
    now = max(clock.now(), run.started_at or clock.now())
    changes = {"ended_at": now, "ended_by": actor.ref[:80], "outcome": words[:500]}
    advance(run, to, actor=actor, reason=words[:500], changes=changes)
    failed = run.steps.filter(status="failed").exists()
    good = to == "finished" and not failed
    said = {
        "play_id": run.play.key,
        "duration_ms": _took(run, now),
        "outcome": "success" if good else "failed" if to == "finished" else "aborted",
    }
    status = {} if good else {"status": "error"}
    tell(run.mission, "execution_completed", said, actor=actor, stage=EXECUTE, **status)
    say(run.mission, f"{run.mission.ref}: {run} is {to}. {words}".strip(), actor=actor)
    emit(run.mission, f"run_{to}", request=str(run.uid))


def _took(run: Run, now: datetime) -> int:
    return round((now - (run.started_at or now)).total_seconds() * 1000)


def tally(run: Run) -> dict[str, int]:
    """Steps by state, how many change something, how many of those nothing takes back."""
    found: dict[str, Any] = run.steps.aggregate(
        all=Count("pk"),
        **{name: Count("pk", filter=Q(status=name)) for name in RunStep.Status.values},
        changing=Count("pk", filter=Q(mutating=True)),
        uncovered=Count("pk", filter=Q(mutating=True, undo_step=None)),
    )
    return found
