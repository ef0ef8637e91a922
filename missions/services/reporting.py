"""Steps as agents report them: in batches, twice, in any order. A batch costs a handful of
statements, however long it is, and what stands afterwards is the same whatever came first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.ids import uuid7
from controlplane.lib.redaction import redact_batch
from controlplane.work.services import graph
from missions.execution import merging
from missions.execution.merging import Story
from missions.models import PlayStep, Run, RunStep, UndoPlan, UndoStep
from missions.querysets_plans import STEP_ENDED
from missions.services import objecting, reading_steps
from missions.services.checkpoints import go_on_if_signed
from missions.services.executing import hold_run
from missions.services.holding import hold
from missions.services.noting import note, tell_many
from missions.services.outstanding import extend

_WRITTEN = (
    "play_step", "undo_step", "agent", "toolkit", "action", "arguments", "mutating", "status",
    "sequence", "started_at", "ended_at", "latency_ms", "error_code", "reported_by", "reported_at",
    "marks", "version",
)  # fmt: skip
_PLACES = ("play_step", "undo_step")
_TOUCHED = frozenset({"running", "failed", "succeeded"})


@dataclass(slots=True)
class Receipt:
    """`verdicts`: of each report in its place, new, known or refused with the reason."""

    accepted: int = 0
    known: int = 0
    rejected: int = 0
    violations: int = 0  # they did what they were not let go for, or would not have been
    uncovered: int = 0  # they change something that nothing takes back
    verdicts: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class _Plan:
    """The run's play and its undo plan, by position."""

    steps: dict[int, PlayStep]
    undo: UndoPlan | None
    undo_steps: dict[int, UndoStep]
    covering: dict[int, int]  # key of a play's step -> key of the undo step


class _Objected(Exception):
    """A finding is to be made: its work item wants the graph held before the mission is."""


def report_steps(run: Run, steps: Any, *, actor: Actor) -> Receipt:
    """Take a batch. A report that cannot be placed is refused by itself; the others are taken.
    What happened while the mission was held, or after the run ended, is taken all the same: it
    happened. What nobody let go and nobody would have, or was let go for something else, is a
    finding that stops the mission."""
    policy.require(actor, "mission.execute", run.mission)
    given = reading_steps.reports(steps)
    _redact(given)
    try:
        with transaction.atomic():
            return _take(run, given, actor, alone=False)
    except _Objected:
        with transaction.atomic():
            graph.lock(run.mission.workspace_id)
            return _take(run, given, actor, alone=True)


def _take(run: Run, given: list[dict[str, Any]], actor: Actor, *, alone: bool) -> Receipt:
    row = hold_run(run)
    plan = _plan_of(row)
    known = _known(row, given)
    stories = {key: _story(step, plan) for key, step in known.items()}
    before = {key: story.status for key, story in stories.items()}
    receipt, changed = Receipt(), set[str]()
    said: dict[str, list[str]] = {}
    for index, report in enumerate(given):
        _place(index, report, row, plan, known, stories, changed, receipt, said)
    changed |= said.keys()
    written = [_row(row, key, stories[key], known.get(key), plan, actor) for key in stories
               if key in changed]  # fmt: skip
    objected = _objected(row, written, known, plan, said)
    if objected and not alone:
        raise _Objected
    if written:
        _write(written)
        receipt.violations = len(objected)
        if objected:
            objecting.report(row, objected)
            row.mission = hold(row.mission)
        _after(row, written, before, plan, actor, receipt)
    return receipt


def _objected(
    run: Run,
    rows: list[RunStep],
    known: dict[str, RunStep],
    plan: _Plan,
    said: dict[str, list[str]],
) -> list[tuple[RunStep, list[str]]]:
    """Rows with what was not yet said against them."""
    unasked, found = objecting.Unasked(run, plan.undo), []
    places = {step.pk: step for step in plan.steps.values()}
    covers = {step.pk: step for step in plan.undo_steps.values()}
    for row in rows:
        was = known.get(row.external_id)
        if row.play_step_id is not None:
            row.play_step = places.get(row.play_step_id)
        cover = covers.get(plan.covering.get(row.play_step_id or 0, 0))
        let_go = was is not None and was.dispatched_at is not None
        against = [] if let_go else unasked.of(row, cover)
        fresh = objecting.news(row, [*said.get(row.external_id, ()), *against])
        if fresh:
            found.append((row, fresh))
    return found


def _redact(given: list[dict[str, Any]]) -> None:
    """All of a batch at once. `raw` stays in memory, to be compared with what was let go."""
    texts = ("agent", "action", "error_code", "external_id")
    cleaned = redact_batch([[each["arguments"], *(each[name] for name in texts)] for each in given])
    for report, (values, _) in zip(given, cleaned, strict=True):
        report["raw"], report["arguments"] = report["arguments"], values[0]
        for name, value, most in zip(texts, values[1:], (80, 120, 60, 100), strict=True):
            report[name] = value[:most]


def _plan_of(run: Run) -> _Plan:
    steps = {step.position: step for step in PlayStep.objects.filter(play=run.play_id)}
    rows = UndoStep.objects.standing().filter(plan__play=run.play_id).select_related("plan")
    undo_steps = {step.position: step for step in rows}
    covering: dict[int, int] = {}
    for step in sorted(undo_steps.values(), key=lambda one: (one.alternate, one.position)):
        if step.play_step_id is not None:
            covering.setdefault(step.play_step_id, step.pk)
    plan = next((step.plan for step in undo_steps.values()), None)
    return _Plan(steps, plan, undo_steps, covering)


def _known(run: Run, given: list[dict[str, Any]]) -> dict[str, RunStep]:
    rows = RunStep.objects.filter(
        mission=run.mission_id, external_id__in={each["external_id"] for each in given}
    )
    return {row.external_id: row for row in rows.select_related("play_step")}


def _story(step: RunStep, plan: _Plan) -> Story:
    values = {
        name: getattr(step, name) for name in ("status", *merging.FIELDS) if name not in _PLACES
    }
    if "error_code" in step.marks:  # also where the row shows none, since it worked in the end
        values["error_code"] = step.marks["error_code"][3]
    for name in _PLACES:
        if name in step.marks:  # let go outside of the play, it has none
            values[name] = int(step.marks[name][3]) if step.marks[name][3] else None
    return Story(values, dict(step.marks), step.mutating)


def _place(
    index: int,
    report: dict[str, Any],
    run: Run,
    plan: _Plan,
    known: dict[str, RunStep],
    stories: dict[str, Story],
    changed: set[str],
    receipt: Receipt,
    said: dict[str, list[str]],
) -> None:
    key = report["external_id"]
    why = _misplaced(report, run, plan, known.get(key))
    if why:
        receipt.rejected += 1
        receipt.verdicts.append(
            {"index": index, "external_id": key, "verdict": "rejected", "reason": why}
        )
        return
    step, words = known.get(key), ""
    if step is not None and step.dispatched_at is not None:
        differs = objecting.otherwise(step, report)
        if differs:
            words = objecting.as_sentence(differs)
            said.setdefault(key, []).append(words)
    first = key not in stories
    story = stories.setdefault(key, Story())
    if merging.fold(story, report) or first:
        changed.add(key)
        receipt.accepted += 1
        verdict = "accepted"
    else:
        receipt.known += 1
        verdict = "known"
    receipt.verdicts.append(
        {"index": index, "external_id": key, "verdict": verdict, "reason": words}
    )


def _misplaced(report: dict[str, Any], run: Run, plan: _Plan, known: RunStep | None) -> str:
    """Why it cannot be taken."""
    if known is not None and known.run_id != run.pk:
        return "This id is of a step of another run."
    place, undo = report["play_step"], report["undo_step"]
    if place is not None and place not in plan.steps:
        return f"The play has no step {place}."
    if undo is not None and undo not in plan.undo_steps:
        return f"The undo plan has no step {undo}."
    if undo is not None or (place is not None and plan.steps[place].mutating):
        report["mutating"] = True
    return ""


def _row(
    run: Run, key: str, story: Story, known: RunStep | None, plan: _Plan, actor: Actor
) -> RunStep:
    """The whole row. When it was let go is written by whoever lets it go, and by nobody else."""
    told, now = story.values, clock.now()
    play_step = known.play_step_id if known is not None else None
    if told.get("play_step"):
        play_step = plan.steps[told["play_step"]].pk
    undo_step = plan.covering.get(play_step or 0)
    if told.get("undo_step") in plan.undo_steps:
        undo_step = plan.undo_steps[told["undo_step"]].pk
    elif "undo_step" in story.marks and known is not None:
        undo_step = known.undo_step_id  # it was told, and another stands in its place by now
    return RunStep(
        mission_id=run.mission_id,
        run=run,
        external_id=key,
        play_step_id=play_step,
        undo_step_id=undo_step if story.mutating else None,
        agent=told.get("agent") or "",
        toolkit=told.get("toolkit") or "",
        action=told.get("action") or "",
        arguments=told.get("arguments") or {},
        mutating=story.mutating,
        status=story.status,
        sequence=story.sequence,
        started_at=told.get("started_at"),
        ended_at=told.get("ended_at"),
        latency_ms=_latency(story),
        error_code="" if story.status == "succeeded" else told.get("error_code") or "",
        reported_by=actor.ref[:80],
        first_at=known.first_at if known is not None else now,
        reported_at=now,
        marks=story.marks,
        version=known.version + 1 if known is not None else 1,
        uid=known.uid if known is not None else uuid7(),
    )


def _latency(story: Story) -> int | None:
    """As it was told, else counted."""
    if "latency_ms" in story.marks:
        told: int | None = story.values.get("latency_ms")
        return told
    begun, ended = story.values.get("started_at"), story.values.get("ended_at")
    if begun is None or ended is None:
        return None
    took = round((ended - begun).total_seconds() * 1000)
    return int(min(max(took, 0), 2_000_000_000))


def _write(rows: list[RunStep]) -> None:
    """One statement for what is new and what is known. In the order of their ids, though nobody
    else writes steps of this mission now."""
    RunStep.objects.bulk_create(
        sorted(rows, key=lambda row: row.external_id),
        update_conflicts=True,
        unique_fields=["mission", "external_id"],
        update_fields=list(_WRITTEN),
    )


# --- What follows -------------------------------------------------------------------------------


def _after(
    run: Run,
    rows: list[RunStep],
    before: dict[str, str],
    plan: _Plan,
    actor: Actor,
    receipt: Receipt,
) -> None:
    ended = [row for row in rows if row.has_ended and before.get(row.external_id) not in STEP_ENDED]
    receipt.uncovered = sum(1 for row in rows if row.mutating and row.undo_step_id is None)
    if ended:
        tell_many(run.mission, [_event(row) for row in ended], actor=actor)
    _extend(plan, rows)
    note(
        run.mission,
        "mission.execute",
        actor=actor,
        after={"run": run.external_id, "reports": len(rows), "ended": len(ended),
               "failed": sum(1 for row in ended if row.status == "failed"),
               "uncovered": receipt.uncovered},
        details={"transition": "-> reported"},
    )  # fmt: skip
    if ended and not run.is_open:
        go_on_if_signed(run.mission)


def _event(row: RunStep) -> dict[str, Any]:
    outcome = {"succeeded": "success", "failed": "error"}.get(row.status, "skipped")
    return {
        "event": "execution_step_completed",
        "event_id": f"run-step:{row.uid}",
        "stage": "execute_observe",
        "occurred_at": (row.ended_at or row.reported_at).isoformat(),
        "status": "error" if outcome == "error" else "success",
        "context": {
            "action_id": row.external_id,
            "toolkit": row.toolkit,
            "action_name": row.action,
            "duration_ms": row.latency_ms or 0,
            "status": outcome,
        },
    }


def _extend(plan: _Plan, rows: list[RunStep]) -> None:
    changed = [
        min(row.ended_at or row.started_at or row.reported_at, row.reported_at)
        for row in rows
        if row.mutating and row.status in _TOUCHED
    ]
    if plan.undo is not None and changed:
        extend(plan.undo, max(changed))
