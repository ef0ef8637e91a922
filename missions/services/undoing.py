"""A plan to undo, carried out: asked for, reported step by step, ended. What fails is followed by
another way or by an incident, in the same transaction."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.audit.refs import subject_ref
from controlplane.audit.services import record
from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.notify import wording
from controlplane.notify.services import To, notify
from controlplane.work import services as work
from controlplane.work.services import graph
from missions import links, stages
from missions import numbers_plans as numbers
from missions.models import Mission, UndoAttempt, UndoPlan, UndoRun, UndoStep
from missions.services import reading, reading_plans
from missions.services.checkpoints import go_on_if_signed
from missions.services.noting import PORTAL, emit, say, tell
from missions.services.outstanding import first_ways, following, is_over, outstanding, touched
from missions.services.undo_plans import hold_plan, to_draft

wording.register(
    "mission.undo",
    "What a mission did is taken back",
    subject="{ref}: {what}",
    body="{title}. {why}",
)
_RESULTS = UndoAttempt.Result.values


# --- Asking -------------------------------------------------------------------------------------


@transaction.atomic
def request_undo(
    plan: UndoPlan, *, actor: Actor, reason: str, drill: bool = False, late: bool = False
) -> UndoRun:
    """Take back what the mission did, or practise it. Asked twice, it is one. After its time it is
    refused, unless whoever asks says that it is `late` and why: it is marked then."""
    policy.require(actor, "mission.undo", plan.mission)
    why = reading.reason(reason)
    row = hold_plan(plan)
    running = row.runs.open().first()
    if running is not None:
        if running.drill == drill:
            return _with_plan(running, row)
        raise Conflict(
            "A drill is under way." if running.drill else "It is being taken back.",
            details={"status": running.status},
        )
    over = is_over(row)
    if not drill:
        _require_undoable(row, over, late)
    steps = first_ways(row) if drill else outstanding(row)
    if not steps:
        raise InvalidTransition(
            "The plan has no steps." if drill else "What was changed is taken back already.",
            details={"status": row.status},
        )
    run = UndoRun.objects.create(
        plan=row,
        drill=drill,
        takes=[step.pk for step in steps],
        late=over and not drill,
        reason=why,
        requested_by=actor.ref[:80],
    )
    _note_asked(run, actor)
    return run


def _with_plan(run: UndoRun, plan: UndoPlan) -> UndoRun:
    run.plan = plan
    return run


def _require_undoable(plan: UndoPlan, over: bool, late: bool) -> None:
    if plan.status == UndoPlan.Status.DRAFT:
        raise InvalidTransition(
            "The undo plan is a draft.", details={"status": plan.status, "legal": "ready"}
        )
    if not touched(plan):
        raise InvalidTransition(
            "Nothing was changed yet: there is nothing to take back.",
            details={"status": plan.status},
        )
    if over and not late:
        raise InvalidTransition(
            "The time to take it back is over. Ask for it as late if it is to be done all the "
            "same: others may have built on it.",
            details={"late": "The time is over.", "status": plan.status},
        )


def _note_asked(run: UndoRun, actor: Actor) -> None:
    mission = run.plan.mission
    _record(run, actor, "-> requested", reason=run.reason)
    if run.drill:
        return
    said = {
        "undo_plan_id": str(run.plan.uid),
        "reason": run.reason,
        "initiated_by": actor.ref,
    }
    tell(mission, "undo_requested", said, actor=actor, stage="execute_observe")
    say(mission, f"What {mission.ref} did is taken back: {run.reason}", actor=actor)
    emit(mission, "undo_requested", request=str(run.uid))
    _send(run, actor, "it is taken back", run.reason)


def _record(run: UndoRun, actor: Actor, transition: str, **given: Any) -> None:
    record(
        actor,
        "mission.undo",
        run,
        after={"status": run.status, "drill": run.drill, "steps": len(run.takes)},
        details={"transition": transition},
        **given,
    )


def _send(run: UndoRun, actor: Actor, what: str, why: str) -> None:
    mission = run.plan.mission
    notify(
        workspace_id=mission.workspace_id,
        kind="mission.undo",
        to=To(
            users=[mission.owner_id] if mission.owner_id != actor.user_id else [],
            roles=[stages.kinds.OPERATIONS],
            channels=(),
        ),
        key=f"mission-undo:{run.uid}:{run.status}",
        values={"ref": mission.ref, "title": mission.title, "what": what, "why": why},
        link=links.undo_run_page(run),
        about=subject_ref(mission),
    )


@transaction.atomic
def withdraw_undo(run: UndoRun, *, actor: Actor, reason: str) -> UndoRun:
    """Before anything of it was done."""
    policy.require(actor, "mission.undo", run.plan.mission)
    why = reading.reason(reason)
    row = _hold_run(run)
    if row.status == UndoRun.Status.WITHDRAWN:
        return row
    changes = {"finished_at": clock.now(), "outcome": why}
    return advance(row, "withdrawn", actor=actor, reason=why, changes=changes)


def _hold_run(run: UndoRun) -> UndoRun:
    plan = hold_plan(run.plan)
    row: UndoRun = UndoRun.objects.get(pk=run.pk)
    row.plan = plan
    return row


# --- Reports ------------------------------------------------------------------------------------


@transaction.atomic
def report_undo(run: UndoRun, attempts: Any, *, actor: Actor) -> UndoRun:
    """What was tried, in a batch: `step` (its position), `result`, `note`, `external_id`. Told
    twice under one id, it counts once. With the last step done the run is complete; where a step
    failed too often it has failed."""
    mission = run.plan.mission
    policy.require(actor, "mission.execute", mission)
    given = [_attempt(each) for each in reading_plans.each_of("attempts", attempts, 200, least=1)]
    graph.lock(mission.workspace_id)  # a failure may open an item
    row = _hold_run(run)
    if not row.is_open:
        told = set(row.attempts.exclude(external_id="").values_list("external_id", flat=True))
        if all(each["external_id"] in told for each in given):
            return row  # the last report, once more
        raise InvalidTransition(
            f"The undo is {row.get_status_display().lower()}.", details={"status": row.status}
        )
    if row.status == UndoRun.Status.REQUESTED:
        advance(row, "running", actor=actor, changes={"started_at": clock.now()})
    _add(row, given, actor)
    _end_if_over(row, actor)
    return row


def _attempt(given: Any) -> dict[str, Any]:
    reading_plans.known_only(
        "attempts", given, frozenset(["step", "result", "note", "external_id"])
    )
    result = reading.choice("result", given.get("result", ""), _RESULTS)
    note = reading.kept_line("note", given.get("note", ""), 1_000)
    if result != "done" and not note:
        raise reading.refuse("note", "Say what was seen.")
    return {
        "position": reading_plans.whole("step", given.get("step"), 1, numbers.MOST_UNDO_STEPS),
        "result": result,
        "note": note,
        "external_id": reading.kept_line("external_id", given.get("external_id", ""), 100),
    }


def _add(run: UndoRun, given: list[dict[str, Any]], actor: Actor) -> None:
    steps = {step.position: step for step in UndoStep.objects.filter(pk__in=run.takes)}
    known = list(run.attempts.values_list("step_id", "result", "external_id"))
    told = {external for _, _, external in known if external}
    settled = {step for step, result, _ in known if result != "failed"}
    tries: dict[int, int] = {}
    for step_id, _, _ in known:
        tries[step_id] = tries.get(step_id, 0) + 1
    made, proven = [], []
    for each in given:
        step = steps.get(each["position"])
        if step is None:
            raise reading.refuse("step", f"This run takes no step {each['position']}.")
        if each["external_id"] in told or step.pk in settled:
            continue  # known already, or there is nothing left to try
        tries[step.pk] = tries.get(step.pk, 0) + 1
        values = {name: each[name] for name in ("result", "note", "external_id")}
        made.append(
            UndoAttempt(run=run, step=step, number=tries[step.pk], by=actor.ref[:80], **values)
        )
        if each["external_id"]:
            told.add(each["external_id"])
        if each["result"] != "failed":
            settled.add(step.pk)
        if each["result"] == "done":
            proven.append(step.pk)
    UndoAttempt.objects.bulk_create(made)
    UndoStep.objects.filter(pk__in=proven).update(verified_at=clock.now())


def _end_if_over(run: UndoRun, actor: Actor) -> None:
    standing = standing_of(run)
    if any(tries >= numbers.UNDO_TRIES.value for _, tries in standing["failing"]):
        worst = ", ".join(str(step) for step, tries in standing["failing"])
        _fail(run, actor, f"Tried {numbers.UNDO_TRIES.value} times without success: {worst}"[:500])
    elif not standing["left"]:
        _complete(run, actor, standing["done"])


def steps_of(run: UndoRun) -> list[UndoStep]:
    """What it takes, in its order."""
    found = UndoStep.objects.select_related("play_step").in_bulk(run.takes)
    return [found[pk] for pk in run.takes]


def standing_of(run: UndoRun) -> dict[str, Any]:
    """How far it is: steps done, steps left, and those that failed with the number of tries."""
    steps = {step.pk: step for step in steps_of(run)}
    results: dict[int, list[str]] = {}
    for step_id, result in run.attempts.order_by("pk").values_list("step_id", "result"):
        results.setdefault(step_id, []).append(result)
    done = [steps[pk] for pk in run.takes if "done" in results.get(pk, ())]
    settled = [pk for pk in run.takes if {"done", "skipped"} & set(results.get(pk, ()))]
    left = [steps[pk] for pk in run.takes if pk not in settled]
    failing = [(step, len(results[step.pk])) for step in left if step.pk in results]
    return {"done": done, "left": left, "failing": failing}


@transaction.atomic
def fail_undo(run: UndoRun, *, actor: Actor, reason: str) -> UndoRun:
    """It does not work like this: the other way, or people."""
    policy.require(actor, "mission.execute", run.plan.mission)
    why = reading.reason(reason)
    graph.lock(run.plan.mission.workspace_id)
    row = _hold_run(run)
    if row.status == UndoRun.Status.FAILED:
        return row
    if row.status == UndoRun.Status.REQUESTED:
        advance(row, "running", actor=actor, changes={"started_at": clock.now()})
    _fail(row, actor, why)
    return row


# --- Its end ------------------------------------------------------------------------------------


def _complete(run: UndoRun, actor: Actor, done: list[UndoStep]) -> None:
    """The plan is executed when nothing of it is left: a run takes what was asked of it, and an
    earlier one may have failed at more."""
    now = max(clock.now(), run.started_at or clock.now())
    plan = run.plan
    left = [] if run.drill else outstanding(plan)
    changes = {"finished_at": now, "reversed": len(done), "outcome": _outcome(run, done, left)}
    advance(run, "completed", actor=actor, changes=changes)
    if run.drill:
        UndoPlan.objects.filter(pk=run.plan_id).update(tested_at=now)
        return
    if plan.status == UndoPlan.Status.READY and not left:
        closed = {"closed_at": now, "closed_reason": run.reason}
        advance(plan, "executed", actor=PORTAL, reason=run.reason, changes=closed)
    _tell_ended(run, actor, "success")
    what = "a part of it is taken back" if left else "it is taken back"
    said = f"What {plan.mission.ref} did: {what}. {run.outcome}"
    say(plan.mission, said, actor=actor)
    _send(run, actor, what, run.outcome)
    go_on_if_signed(plan.mission)


def _outcome(run: UndoRun, done: list[UndoStep], left: list[UndoStep]) -> str:
    skipped = len(run.takes) - len(done)
    said = f"{len(done)} taken back{f', {skipped} skipped' if skipped else ''}."
    return f"{said} Not taken back: {_names(left)}."[:500] if left else said


def _names(steps: list[UndoStep]) -> str:
    return ", ".join(str(step) for step in steps)


def _fail(run: UndoRun, actor: Actor, why: str) -> None:
    now = max(clock.now(), run.started_at or clock.now())
    standing = standing_of(run)
    changes = {"finished_at": now, "reversed": len(standing["done"]), "outcome": why}
    advance(run, "failed", actor=actor, reason=why, changes=changes)
    if run.drill:
        _after_failed_drill(run.plan, why)
        return
    _tell_ended(run, actor, "failed")
    failed = [step.pk for step, _ in standing["failing"]]
    going, hopeless = following(run, standing["left"], failed)
    what = "undoing it failed"
    if going:
        _go_on(run, going, why)
        other = any(step.alternate for step in going)
        what += ", the other way is taken" if other else ", what is left goes on"
    if hopeless or not going:
        _open_incident(run, why, hopeless, going)
    say(run.plan.mission, f"Undoing {run.plan.mission.ref} failed: {why}", actor=actor)
    emit(run.plan.mission, "undo_failed", request=str(run.uid), item=run.item_key)
    _send(run, actor, what, why)


def _go_on(run: UndoRun, going: list[UndoStep], why: str) -> None:
    """By other ways where the first failed, and with what was not tried yet."""
    other = any(step.alternate for step in going)
    run.followed_by = UndoRun.objects.create(
        plan=run.plan,
        alternate=other,
        takes=[step.pk for step in going],
        late=run.late,
        reason=f"{'The first way failed' if other else 'What is left, after'}: {why}"[:500],
        requested_by=run.requested_by,
    )
    run.save(update_fields=["followed_by"])
    run.followed_by.plan = run.plan
    _record(run.followed_by, PORTAL, "-> requested", reason=run.followed_by.reason)


def _after_failed_drill(plan: UndoPlan, why: str) -> None:
    """A plan that is known not to work is not ready."""
    UndoPlan.objects.filter(pk=plan.pk).update(tested_at=None)
    if plan.status == UndoPlan.Status.READY and plan.deadline_at is None:
        to_draft(plan, PORTAL, f"The drill failed: {why}"[:500])


def _open_incident(run: UndoRun, why: str, hopeless: list[UndoStep], going: list[UndoStep]) -> None:
    mission: Mission = run.plan.mission
    project = work.ensure_operations_project(mission.workspace, actor=PORTAL)
    left = f"Not taken back, and nothing is left to try: {_names(hopeless)}"
    if going:
        left += f"\n\nStill under way: {_names(going)}"
    found = work.ensure(
        project,
        f"undo-failed:{run.uid}",
        actor=PORTAL,
        title=f"Undoing {mission.ref} failed: {mission.title}"[:500],
        item_type="incident",
        priority=1,
        labels=["incident", "undo"],
        description=f"{why}\n\n{left}\n\nRunbook: undo_failure"[:15_000],
    )
    run.item, run.item_key = found.item, found.item.key[:80]
    run.save(update_fields=["item", "item_key"])


def _tell_ended(run: UndoRun, actor: Actor, outcome: str) -> None:
    assert run.finished_at is not None
    assert run.started_at is not None
    said = {
        "undo_plan_id": str(run.plan.uid),
        "actions_reversed": run.reversed,
        "duration_ms": round((run.finished_at - run.started_at).total_seconds() * 1000),
        "outcome": outcome,
    }
    status = {"status": "error"} if outcome == "failed" else {}
    tell(run.plan.mission, "undo_completed", said, actor=actor, stage="execute_observe", **status)
