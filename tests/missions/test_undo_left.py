"""What is left to be taken back: nothing is forgotten because something else failed, and silence is
no proof that nothing was changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from controlplane.lib import clock
from controlplane.lib.errors import InvalidTransition, NotAllowed
from missions import jobs_plans, services
from missions.gates.looking import Look
from missions.gates.registry import answer
from missions.models import Run, UndoRun
from missions.services import executing, moving, undo_plans, undoing
from missions.services.holding import hold
from missions.services.noting import PORTAL
from missions.services.outstanding import outstanding
from tests.kit import missions as kit
from tests.kit import settled
from tests.kit.missions import again
from tests.kit.missions_plans import World

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    made = World()
    made.planner, made.oc, made.executor  # noqa: B018
    return made


@settled.once
def run(world: World) -> Run:
    return world.run()


def actions(run: UndoRun | None) -> list[str]:
    assert run is not None
    return [step.action for step in undoing.steps_of(run)]


def failed(world: World, run: UndoRun, place: int) -> UndoRun:
    for _ in range(3):
        run = world.tries(run, (place, "failed"))
    assert run.status == "failed"
    return run


def test_step_failed__its_other_way_and_what_was_not_tried_go_on(world: World) -> None:
    run = world.changed()
    first = failed(world, world.undo(run), 2)
    assert (first.item_key, first.reversed) == ("", 0)
    other = first.followed_by
    assert actions(other) == ["Drafts by hand", "Tags"]
    assert other is not None
    world.tries(other, (3, "done"))
    assert world.undo_of(run).status == "ready"  # the tags are there still
    done = world.tries(other, (1, "done"))
    assert (done.status, done.reversed, world.undo_of(run).status) == ("completed", 2, "executed")


def test_step_failed__what_was_done_before_is_not_done_again(world: World) -> None:
    undo = world.undo(world.changed())
    world.tries(undo, (1, "done"))
    assert actions(failed(world, undo, 2).followed_by) == ["Drafts by hand"]


def test_step_without_another_way__people_see_to_it_and_the_rest_goes_on(world: World) -> None:
    run = world.changed()
    first = failed(world, world.undo(run), 1)
    assert first.item is not None
    assert "1. Tags" in first.item.description
    assert "Still under way: 2. Drafts" in first.item.description
    rest = first.followed_by
    assert rest is not None
    assert (actions(rest), rest.alternate) == (["Drafts"], False)
    done = world.tries(rest, (2, "done"))
    plan = world.undo_of(run)
    assert (done.status, plan.status) == ("completed", "ready")
    assert "Not taken back: 1. Tags" in done.outcome
    assert [step.action for step in outstanding(plan)] == ["Tags"]
    again_ = world.undo(run)  # somebody mended what was in its way
    assert actions(again_) == ["Tags"]
    world.tries(again_, (1, "done"))
    assert world.undo_of(run).status == "executed"


def test_other_way_failed_too__the_plan_is_not_executed_by_the_rest(world: World) -> None:
    run = world.changed()
    other = failed(world, world.undo(run), 2).followed_by
    assert other is not None
    second = failed(world, other, 3)
    assert second.item is not None
    assert "3. Drafts by hand" in second.item.description
    assert actions(second.followed_by) == ["Tags"]
    assert second.followed_by is not None
    world.tries(second.followed_by, (1, "done"))
    plan = world.undo_of(run)
    assert plan.status == "ready"
    assert [step.action for step in outstanding(plan)] == ["Drafts"]


def test_given_up_before_anything_was_tried__the_other_ways_and_people(world: World) -> None:
    undo = undoing.fail_undo(world.undo(world.changed()), actor=world.executor, reason="No such.")
    assert actions(undo.followed_by) == ["Drafts by hand"]
    assert undo.item is not None
    assert "1. Tags" in undo.item.description


def test_skipped__is_said_and_not_counted_as_taken_back(world: World) -> None:
    done = world.tries(world.undo(world.changed()), (2, "skipped"), (1, "done"))
    assert (done.reversed, done.outcome) == (1, "1 taken back, 1 skipped.")


def test_taken_back_late__not_offered_again(world: World) -> None:
    run = world.changed()
    plan = world.undo_of(run)
    undo_plans.close_undo(plan, actor=world.oc, reason="It is fine.")
    world.tries(world.undo(run, late=True), (1, "done"), (2, "done"))
    with pytest.raises(InvalidTransition, match="already"):
        world.undo(run, late=True)


def test_drill__takes_nothing_back(world: World) -> None:
    run = world.changed()
    drill = world.undo(run, drill=True)
    world.tries(drill, (1, "done"), (2, "done"))
    assert actions(world.undo(run)) == ["Drafts", "Tags"]


# --- Let go, and nothing was heard ---------------------------------------------------------------


def gate(world: World, row: Any, slug: str = "undo_closed") -> tuple[str, str]:
    found = answer(slug, Look(again(row)))
    return found.state, found.detail


def test_let_go_and_not_heard_of__may_have_changed_something(world: World, run: Run) -> None:
    world.step(run, 1)  # it only reads
    assert gate(world, run.mission)[0] == "passed"
    before = clock.now()
    world.step(run, 2)
    plan = world.undo_of(run)
    assert plan.deadline_at is not None
    assert plan.deadline_at >= before + timedelta(minutes=20)
    state, words = gate(world, run.mission)
    assert (state, "nobody said" in words) == ("waiting", True)
    assert actions(world.undo(run)) == ["Tags"]


def test_let_go_and_not_heard_of__its_time_does_not_end(world: World, run: Run) -> None:
    world.step(run, 2)
    deadline = world.undo_of(run).deadline_at
    assert deadline is not None
    with time_machine.travel(deadline + timedelta(minutes=5), tick=False):
        assert jobs_plans.undo_deadlines() == {"due": 0, "expired": 0}
        world.undo(run)  # nor is it late
        undoing.withdraw_undo(
            UndoRun.objects.get(plan=world.undo_of(run)), actor=world.oc, reason="It was right."
        )
        world.report(run, {"external_id": "step-2", "status": "succeeded"})
        assert world.undo_of(run).deadline_at == clock.now() + timedelta(minutes=20)


def test_let_go_and_skipped__changed_nothing(world: World, run: Run) -> None:
    world.step(run, 2)
    world.report(run, {"external_id": "step-2", "status": "skipped"})
    assert gate(world, run.mission) == ("passed", "Nothing was changed: there is nothing to take "
                                        "back.")  # fmt: skip
    with pytest.raises(InvalidTransition, match="Nothing was changed"):
        world.undo(run)


def test_cancelled_while_a_change_was_let_go__it_can_be_taken_back(world: World, run: Run) -> None:
    world.step(run, 2)
    with time_machine.travel(clock.now() + timedelta(minutes=50), tick=False):
        services.cancel_mission(again(run.mission), actor=world.oc, reason="Not wanted.")
        assert run.steps.get().error_code == "ABORTED"
        assert world.undo_of(run).deadline_at == clock.now() + timedelta(minutes=20)
        assert actions(world.undo(run)) == ["Tags"]


def test_finished_run__what_nobody_reported_is_settled_when_the_stage_is_left(
    world: World,
    run: Run,
) -> None:
    world.step(run, 2)
    executing.finish_run(run, actor=world.executor)
    assert gate(world, run.mission, "actions_ended")[0] == "waiting"
    services.send_back(again(run.mission), actor=world.gv, to="plan_approve", reason="Again.")
    step = run.steps.get()
    assert (step.status, step.error_code) == ("failed", "ABORTED")
    assert actions(world.undo(run)) == ["Tags"]


def test_changed_after_it_was_taken_back__is_to_be_taken_back_again(world: World, run: Run) -> None:
    world.step(run, 2)
    world.tries(world.undo(run), (1, "done"))
    assert world.undo_of(run).status == "executed"
    assert outstanding(world.undo_of(run)) == []
    world.report(run, {"external_id": "step-2", "status": "succeeded"})
    assert [step.action for step in outstanding(world.undo_of(run))] == ["Tags"]
    assert gate(world, run.mission)[0] == "failed"
    undo = world.undo(run, late=True)
    world.tries(undo, (1, "done"))
    assert gate(world, run.mission)[0] == "passed"


def test_plan_to_undo__is_not_opened_while_it_is_needed(world: World) -> None:
    run = world.changed()
    services.send_back(again(run.mission), actor=world.gv, to="plan_approve", reason="Again.")
    plan = world.undo_of(run)
    with pytest.raises(InvalidTransition, match=r"can still be taken back: 2\. Drafts, 1\. Tags"):
        undo_plans.open_undo_plan(plan, actor=world.planner)
    world.tries(world.undo(run), (1, "done"), (2, "done"))
    assert undo_plans.open_undo_plan(plan, actor=world.planner).status == "draft"


# --- Coming to Execute & Observe once more -------------------------------------------------------


def test_refused_or_sent_back_into_it__nothing_is_to_be_run_again(world: World, run: Run) -> None:
    executing.finish_run(run, actor=world.executor)
    row = again(run.mission)
    assert gate(world, row, "actions_ended")[0] == "passed"
    given: Any = {"action": "mission.send_back", "stage": row.stage, "reason": "No."}
    moving.move(hold(row), actor=PORTAL, **given)
    assert row.visits.filter(stage="execute_observe").count() == 2
    assert gate(world, row, "actions_ended")[0] == "passed"
    services.send_back(again(row), actor=world.gv, to="plan_approve", reason="Another play.")
    with kit.all_answered():
        world.sign(world.asked(again(row)))
    assert again(row).stage == "execute_observe"
    assert gate(world, row, "actions_ended") == ("failed", "Nothing was run.")  # a new plan


def test_what_is_left__is_nothing_for_strangers(world: World, run: Run) -> None:
    world.step(run, 2)
    for actor in (World().oc, world.executor, world.someone("viewer")):
        with pytest.raises(NotAllowed):
            undoing.request_undo(world.undo_of(run), actor=actor, reason="x")
