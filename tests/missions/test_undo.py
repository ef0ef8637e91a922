"""Undoing: planned step by step, practised, done in time, and never failed with nobody told."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from controlplane.base.models import Signal
from controlplane.lib import clock
from controlplane.lib.errors import (
    Conflict,
    ControlPlaneError,
    GateNotMet,
    Invalid,
    InvalidTransition,
    NotAllowed,
)
from missions import jobs_plans
from missions.models import UndoPlan, UndoRun, UndoStep
from missions.services import undo_plans, undoing
from tests.kit import settled
from tests.kit.missions_plans import PLAY, UNDO, World

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    made = World()
    made.planner, made.oc, made.executor  # noqa: B018
    return made


def places_of(undo: UndoRun) -> list[int | None]:
    steps = undoing.steps_of(undo)
    return [step.play_step.position if step.play_step is not None else None for step in steps]


def test_ready__only_when_each_change_can_be_taken_back(world: World) -> None:
    play = world.planned()
    plan = world.undo_of_play(play)
    undo_plans.open_undo_plan(plan, actor=world.planner)
    short = {**UNDO, "steps": UNDO["steps"][:1]}
    undo_plans.put_undo_plan(play, actor=world.planner, **short)
    plan.refresh_from_db()
    with pytest.raises(GateNotMet, match="Step 3"):
        undo_plans.make_undo_ready(plan, actor=world.planner)
    undo_plans.put_undo_plan(play, actor=world.planner, **UNDO)
    plan.refresh_from_db()
    assert undo_plans.make_undo_ready(plan, actor=world.planner).status == "ready"
    # What was there before stays to be read.
    assert UndoStep.objects.filter(plan=plan).count() > plan.steps.standing().count() - 1


def test_alternates__cover_nothing(world: World) -> None:
    play = world.planned()
    plan = world.undo_of_play(play)
    undo_plans.open_undo_plan(plan, actor=world.planner)
    only = [{**step, "alternate": True} for step in UNDO["steps"]]
    undo_plans.put_undo_plan(play, actor=world.planner, **{**UNDO, "steps": only})
    plan.refresh_from_db()
    with pytest.raises(GateNotMet):
        undo_plans.make_undo_ready(plan, actor=world.planner)


def test_ready__is_not_written_in(world: World) -> None:
    play = world.planned()
    assert undo_plans.put_undo_plan(play, actor=world.planner, **UNDO).status == "ready"
    with pytest.raises(InvalidTransition, match="open it first"):
        undo_plans.put_undo_plan(play, actor=world.planner, **{**UNDO, "window_minutes": 5})


def test_drill__proves_the_steps_and_touches_nothing_else(world: World) -> None:
    play = world.planned()
    plan = world.undo_of_play(play)
    run = undoing.request_undo(plan, actor=world.oc, reason="Practise.", drill=True)
    assert undoing.request_undo(plan, actor=world.oc, reason="Again.", drill=True).pk == run.pk
    world.tries(run, (2, "done"))
    done = world.tries(run, (1, "done"))
    plan.refresh_from_db()
    assert (done.status, done.reversed) == ("completed", 2)
    assert plan.status == "ready"
    assert plan.tested_at is not None
    assert plan.steps.filter(alternate=False, verified_at=None).count() == 0


def test_drill__failed__the_plan_is_not_ready(world: World) -> None:
    plan = world.undo_of_play(world.planned())
    run = undoing.request_undo(plan, actor=world.oc, reason="Practise.", drill=True)
    undoing.fail_undo(run, actor=world.executor, reason="The API has no such call.")
    plan.refresh_from_db()
    assert (plan.status, plan.tested_at) == ("draft", None)
    with pytest.raises(GateNotMet, match="drill"):
        undo_plans.make_undo_ready(plan, actor=world.planner)


def test_undo__takes_the_last_change_back_first_and_settles_the_plan(world: World) -> None:
    run = world.changed()
    undo = world.undo(run)
    assert places_of(undo) == [3, 2]
    done = world.tries(undo, (2, "done"), (1, "done"))
    plan = world.undo_of(run)
    assert (done.status, plan.status) == ("completed", "executed")
    # Told once more, it is the same.
    assert world.undo_of(run).version == plan.version


def test_undo__of_what_was_done_only(world: World) -> None:
    run = world.run()
    with pytest.raises(InvalidTransition, match="Nothing was changed"):
        world.undo(run)
    world.step(run, 2)
    world.report(run, {"external_id": "step-2", "status": "failed"})
    undo = world.undo(run)
    assert places_of(undo) == [2]


def test_undo__while_it_goes__nothing_more_is_let_go(world: World) -> None:
    run = world.run()
    world.step(run, 2)
    world.report(run, {"external_id": "step-2", "status": "succeeded"})
    undo = world.undo(run)
    with pytest.raises(GateNotMet, match="taken back"):
        world.step(run, 1)
    undoing.withdraw_undo(undo, actor=world.oc, reason="It was the right list.")
    assert world.step(run, 1).step.dispatched_at is not None


def test_undo__tried_too_often__the_other_way_and_then_an_incident(world: World) -> None:
    undo = world.undo(world.changed())
    for _ in range(3):
        failed = world.tries(undo, (2, "failed"))
    assert failed.status == "failed"
    other = failed.followed_by
    assert other is not None
    assert (other.status, other.alternate) == ("requested", True)
    assert [step.action for step in undoing.steps_of(other)] == ["Drafts by hand", "Tags"]
    last = undoing.fail_undo(other, actor=world.executor, reason="The owner is away.")
    assert last.item is not None
    assert (last.item.item_type, last.item_key) == ("incident", last.item.key)
    told = Signal.objects.filter(kind="missions.event", payload__what="undo_failed")
    assert told.count() == 2


def test_undo__told_twice__counts_once(world: World) -> None:
    undo = world.undo(world.changed())
    told = [{"step": 2, "result": "failed", "note": "503", "external_id": "a"}]
    for _ in range(5):
        undoing.report_undo(undo, told, actor=world.executor)
    undo.refresh_from_db()
    assert (undo.status, undo.attempts.count()) == ("running", 1)
    done = [{"step": n, "result": "done", "external_id": f"d{n}"} for n in (1, 2)]
    assert undoing.report_undo(undo, done, actor=world.executor).status == "completed"
    assert undoing.report_undo(undo, done, actor=world.executor).status == "completed"
    with pytest.raises(InvalidTransition):
        world.tries(undo, (1, "failed"))


def test_window__over__refused_unless_it_is_said_to_be_late(world: World) -> None:
    run = world.changed()
    plan = world.undo_of(run)
    assert plan.deadline_at is not None
    with time_machine.travel(plan.deadline_at + timedelta(minutes=1), tick=False):
        with pytest.raises(InvalidTransition, match="over"):
            world.undo(run)
        assert jobs_plans.undo_deadlines() == {"due": 1, "expired": 1}
        assert jobs_plans.undo_deadlines() == {"due": 0, "expired": 0}
        assert world.undo_of(run).status == "expired"
        with pytest.raises(InvalidTransition):
            world.undo(run)
        late = world.undo(run, late=True)
        assert late.late
        assert world.tries(late, (2, "done"), (1, "done")).status == "completed"
        assert world.undo_of(run).status == "expired"


def test_deadline__counts_from_the_last_change(world: World) -> None:
    run = world.run()
    world.step(run, 2)
    then = clock.now()
    at = {"external_id": "step-2", "status": "succeeded", "ended_at": then}
    world.report(run, at)
    plan = world.undo_of(run)
    assert plan.deadline_at == then + timedelta(minutes=20)
    world.report(run, {**at, "ended_at": then - timedelta(minutes=5), "sequence": 9})
    assert world.undo_of(run).deadline_at == plan.deadline_at


def test_deadline__while_it_is_taken_back__waits(world: World) -> None:
    run = world.changed()
    undo = world.undo(run)
    deadline = world.undo_of(run).deadline_at
    assert deadline is not None
    with time_machine.travel(deadline + timedelta(minutes=1), tick=False):
        assert jobs_plans.undo_deadlines() == {"due": 1, "expired": 0}
        assert world.tries(undo, (2, "done"), (1, "done")).status == "completed"
    assert world.undo_of(run).status == "executed"


def test_close__ends_the_time(world: World) -> None:
    run = world.changed()
    closed = undo_plans.close_undo(world.undo_of(run), actor=world.oc, reason="Everything is fine.")
    assert closed.status == "expired"
    with pytest.raises(Invalid):
        undo_plans.close_undo(closed, actor=world.oc, reason=" ")


def test_reports__that_cannot_be__are_refused(world: World) -> None:
    undo = world.undo(world.changed())
    bad = [
        [],
        [{"step": 9, "result": "done"}],
        [{"step": 3, "result": "done"}],  # an alternate is no step of this run
        [{"step": 1, "result": "great"}],
        [{"step": 1, "result": "failed"}],
        [{"step": True, "result": "done"}],
        [{"step": 1, "result": "done", "colour": "red"}],
    ]
    for given in bad:
        with pytest.raises(Invalid):
            undoing.report_undo(undo, given, actor=world.executor)
    undo.refresh_from_db()
    assert (undo.status, undo.attempts.count()) == ("requested", 0)


def test_undo__by_strangers__is_refused(world: World) -> None:
    run = world.changed()
    plan, elsewhere = world.undo_of(run), World()
    undo = world.undo(run)
    for deed in (
        lambda: undoing.request_undo(plan, actor=elsewhere.oc, reason="x"),
        lambda: undoing.request_undo(plan, actor=world.executor, reason="x"),
        lambda: undoing.request_undo(plan, actor=world.someone("viewer"), reason="x"),
        lambda: undoing.report_undo(
            undo, [{"step": 1, "result": "done"}], actor=elsewhere.executor
        ),
        lambda: undoing.fail_undo(undo, actor=world.someone("viewer"), reason="x"),
        lambda: undo_plans.close_undo(plan, actor=world.planner, reason="x"),
        lambda: undo_plans.put_undo_plan(plan.play, actor=elsewhere.planner, **UNDO),
    ):
        with pytest.raises(NotAllowed):
            deed()


def test_undo__asked_twice__is_one_and_a_drill_is_another(world: World) -> None:
    run = world.changed()
    undo = world.undo(run)
    assert world.undo(run).pk == undo.pk
    with pytest.raises(Conflict):
        world.undo(run, drill=True)
    assert UndoRun.objects.filter(plan=undo.plan).count() == 1


def test_plan__while_it_is_carried_out__stays(world: World) -> None:
    plan = world.undo_of_play(world.planned())
    undoing.request_undo(plan, actor=world.oc, reason="Practise.", drill=True)
    with pytest.raises(Conflict):
        undo_plans.open_undo_plan(plan, actor=world.planner)
    with pytest.raises(ControlPlaneError):
        world.proposed_anew(plan, {**PLAY, "undo": {**UNDO, "window_minutes": 3}})
    assert UndoPlan.objects.get(pk=plan.pk).window_minutes == 20
