"""The plan to take a play back: written, declared ready, its time closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet, InvalidTransition
from missions.models import Mission, Play, PlayStep, UndoPlan, UndoStep
from missions.services import reading, reading_plans
from missions.services.checkpoints import go_on_if_signed, packet_moved
from missions.services.holding import hold, require_status
from missions.services.noting import PORTAL, emit, note, tell
from missions.services.outstanding import outstanding, standing_steps, unheard

OVER = "The time to take it back is over."
_WRITTEN = ("label", "impact", "window_minutes")


def hold_plan(plan: UndoPlan, *, version: int | None = None) -> UndoPlan:
    """The plan as it is now, with its mission held. With a version: only if nobody changed it
    since."""
    mission = hold(plan.play.mission)
    rows = UndoPlan.objects.select_related("play")
    row: UndoPlan = rows.get(pk=plan.pk)
    row.play.mission = mission
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version},
        )
    return row


@transaction.atomic
def put_undo_plan(
    play: Play, *, actor: Actor, version: int | None = None, **given: Any
) -> UndoPlan:
    """How this play is taken back: all of it. One that is ready is opened first; the same again
    changes nothing. `version` is the plan's."""
    policy.require(actor, "mission.plan", play.mission)
    wanted = reading_plans.undo_plan(given)
    mission = hold(play.mission)
    row: Play = Play.objects.get(pk=play.pk)
    row.mission = mission
    require_writable(mission)
    if not row.is_live:
        raise Conflict("The play was withdrawn. Look again.", details={"status": row.status})
    found = UndoPlan.objects.filter(play=row).first()
    if version is not None and found is not None and found.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": found.version},
        )
    if found is not None and found.status != "draft" and not _same(found, wanted):
        raise InvalidTransition(
            f"The undo plan is {found.get_status_display().lower()}; open it first.",
            details={"status": found.status, "legal": "draft"},
        )
    plan = write_undo_plan(row, wanted, actor=actor)
    packet_moved(mission, actor=actor, why="The undo plan was changed.")
    return plan


def require_writable(mission: Mission) -> None:
    """What is signed with the packet is written before it is."""
    require_status(mission, "active", "paused")
    if mission.stage in {"prepare", "plan_approve"}:
        return
    raise InvalidTransition(
        f"{mission.ref} is in {mission.get_stage_display()}: its undo plan changes in "
        "Plan & Approve. Send it back there.",
        details={"stage": mission.stage, "legal": "prepare, plan_approve"},
    )


def write_undo_plan(play: Play, given: reading_plans.GivenUndo, *, actor: Actor) -> UndoPlan:
    """Callers hold the mission and allowed it."""
    places = {step.position: step for step in play.steps.all()}
    for step in given.steps:
        if step["play_step"] is not None and step["play_step"] not in places:
            raise reading.refuse("play_step", f"The play has no step {step['play_step']}.")
        if step["play_step"] is not None and not places[step["play_step"]].mutating:
            words = f"Step {step['play_step']} changes nothing: there is nothing to take back."
            raise reading.refuse("play_step", words)
    plan: UndoPlan | None = UndoPlan.objects.filter(play=play).first()
    if plan is None:
        plan = UndoPlan.objects.create(
            play=play,
            made_by=actor.ref[:80],
            changed_by=actor.ref[:80],
            authors=[actor.ref[:80]],
            **given.values,
        )
        plan.play = play
        _add_steps(plan, given.steps, places)
        _note_written(plan, actor, None)
        return plan
    plan.play = play
    if _same(plan, given):
        return plan
    if plan.runs.open().exists():
        raise Conflict("It is being carried out.", details={"status": plan.status})
    if plan.status != "draft":
        _require_settled(plan)
        to_draft(plan, actor, "It is planned anew.")
    before = {name: getattr(plan, name) for name in _WRITTEN}
    _rewrite(plan, given, places, actor)
    _note_written(plan, actor, before)
    return plan


def _same(plan: UndoPlan, given: reading_plans.GivenUndo) -> bool:
    if any(getattr(plan, name) != given.values[name] for name in _WRITTEN):
        return False
    return [_content(step) for step in standing_steps(plan)] == given.steps


def _content(step: UndoStep) -> dict[str, Any]:
    return {
        "play_step": step.play_step.position if step.play_step is not None else None,
        "action": step.action,
        "inverse": step.inverse,
        "verify": step.verify,
        "alternate": step.alternate,
    }


def _rewrite(
    plan: UndoPlan, given: reading_plans.GivenUndo, places: Mapping[int, PlayStep], actor: Actor
) -> None:
    """Steps that stay the same keep what was proven of them."""
    now = clock.now()
    kept = [
        step
        for step in standing_steps(plan)
        if len(given.steps) >= step.position and given.steps[step.position - 1] == _content(step)
    ]
    UndoStep.objects.standing().filter(plan=plan).exclude(pk__in=[step.pk for step in kept]).update(
        removed_at=now
    )
    _add_steps(plan, given.steps, places, {step.position for step in kept})
    values = {
        **given.values, "changed_by": actor.ref[:80], "changed_at": now, "tested_at": None,
        "authors": list(dict.fromkeys([*plan.authors, actor.ref[:80]])),
    }  # fmt: skip
    UndoPlan.objects.filter(pk=plan.pk).update(**values, version=F("version") + 1)
    plan.refresh_from_db(fields=[*values, "version"])


def _add_steps(
    plan: UndoPlan,
    steps: list[dict[str, Any]],
    places: Mapping[int, PlayStep],
    kept: set[int] | None = None,
) -> None:
    made = []
    for position, step in enumerate(steps, 1):
        if position not in (kept or ()):
            values = {**step, "play_step": places.get(step["play_step"] or 0)}
            made.append(UndoStep(plan=plan, position=position, **values))
    UndoStep.objects.bulk_create(made)


def _note_written(plan: UndoPlan, actor: Actor, before: dict[str, Any] | None) -> None:
    mission = plan.mission
    note(
        mission,
        "mission.plan",
        actor=actor,
        before={"undo_plan": before},
        after={
            "undo_plan": {name: getattr(plan, name) for name in _WRITTEN},
            "play": plan.play.key,
            "steps": plan.steps.filter(removed_at=None).count(),
        },
        details={"transition": "-> undo"},
    )
    if before is not None:
        said = {
            "adjustment_type": "undo_plan",
            "before_value": before["label"],
            "after_value": plan.label,
            "reason_note": "",
        }
        tell(mission, "plan_adjusted", said, actor=actor, stage="plan_approve")


# --- Ready, and not ready any more --------------------------------------------------------------


def uncovered(play: Play, plan: UndoPlan | None) -> list[PlayStep]:
    """Steps that change something and that no step of the plan takes back."""
    steps = list(play.steps.order_by("position"))
    return not_taken_back(steps, standing_steps(plan) if plan is not None else [])


def not_taken_back(steps: Sequence[PlayStep], undo: Sequence[UndoStep]) -> list[PlayStep]:
    covered = {each.play_step_id for each in undo if not each.alternate}
    return [step for step in steps if step.mutating and step.pk not in covered]


@transaction.atomic
def make_undo_ready(plan: UndoPlan, *, actor: Actor, version: int | None = None) -> UndoPlan:
    """Each step that changes something can be taken back, and one can see that it was. From here
    on nothing in it changes. Ready already, it stays so."""
    policy.require(actor, "mission.plan", plan.mission)
    row = hold_plan(plan, version=version)
    if row.status == UndoPlan.Status.READY:
        return row
    require_writable(row.mission)
    open_points = [
        f"Step {step.position} ({step.action}) changes something and nothing takes it back."
        for step in uncovered(row.play, row)
    ]
    drill = row.runs.filter(drill=True).exclude(status="withdrawn").order_by("-pk").first()
    if drill is not None and drill.status == "failed" and drill.finished_at > row.changed_at:
        open_points.append("The last drill failed: change the plan, or drill again.")
    if open_points:
        raise GateNotMet(" ".join(open_points)[:2_000], details={"conditions": open_points})
    changes = {"ready_at": clock.now(), "ready_by": actor.ref[:80], "deadline_at": None}
    advance(row, "ready", actor=actor, changes=changes)
    packet_moved(row.mission, actor=actor, why="The undo plan is ready.")
    return row


@transaction.atomic
def open_undo_plan(
    plan: UndoPlan, *, actor: Actor, reason: str = "", version: int | None = None
) -> UndoPlan:
    """To change it, or to make ready once more what was used up."""
    policy.require(actor, "mission.plan", plan.mission)
    why = reading.kept_line("reason", reason, reading.REASON)
    row = hold_plan(plan, version=version)
    if row.status == UndoPlan.Status.DRAFT:
        return row
    require_writable(row.mission)
    if row.runs.open().exists():
        raise Conflict("It is being carried out.", details={"status": row.status})
    _require_settled(row)
    to_draft(row, actor, why)
    return row


def _require_settled(plan: UndoPlan) -> None:
    """What can still be taken back by it is not forgotten by writing another."""
    if plan.status != UndoPlan.Status.READY or plan.deadline_at is None:
        return
    left = outstanding(plan)
    if left and (plan.deadline_at > clock.now() or unheard(plan)):
        raise InvalidTransition(
            f"By it can still be taken back: {', '.join(str(step) for step in left)}. Take it "
            "back, or end the time to undo, first.",
            details={"status": plan.status, "legal": "executed, expired"},
        )


def to_draft(plan: UndoPlan, actor: Actor, why: str) -> None:
    changes = {
        "ready_at": None, "ready_by": "", "closed_at": None, "closed_reason": "",
        "deadline_at": None,
    }  # fmt: skip
    advance(plan, "draft", actor=actor, reason=why, changes=changes)


# --- Its time -----------------------------------------------------------------------------------


@transaction.atomic
def close_undo(
    plan: UndoPlan, *, actor: Actor, reason: str, version: int | None = None
) -> UndoPlan:
    """What was done stays: nobody takes it back by this plan from here on."""
    policy.require(actor, "mission.undo", plan.mission)
    why = reading.reason(reason)
    row = hold_plan(plan, version=version)
    if row.status == UndoPlan.Status.EXPIRED:
        return row
    if row.runs.open().exists():
        raise Conflict("It is being carried out.", details={"status": row.status})
    _expire(row, actor, why)
    return row


def _expire(plan: UndoPlan, actor: Actor, why: str) -> None:
    changes = {"closed_at": clock.now(), "closed_reason": why}
    advance(plan, "expired", actor=actor, reason=why, changes=changes)
    emit(plan.mission, "undo_closed", request=f"{plan.uid}:{plan.version}")
    go_on_if_signed(plan.mission)


@transaction.atomic
def expire_if_due(plan: UndoPlan, *, now: datetime) -> bool:
    """By the portal, once its time is over. While it is carried out it waits for the end."""
    row = hold_plan(plan)
    due = row.status == "ready" and row.deadline_at is not None and row.deadline_at <= now
    if not due or row.runs.open().exists() or unheard(row):
        return False
    _expire(row, PORTAL, OVER)
    return True
