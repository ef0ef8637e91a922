"""What the database refuses of plans, runs and undoing, whoever writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError, Invalid
from missions import services
from missions.models import Play, PlayStep, Run, RunStep, UndoAttempt, UndoPlan, UndoRun, UndoStep
from missions.services import executing, undo_plans, undoing
from tests.kit import settled
from tests.kit.missions_plans import UNDO, World

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@settled.once
def world() -> World:
    made = World()
    made.planner, made.oc, made.executor  # noqa: B018
    return made


@settled.once
def ran(world: World) -> Run:
    """What can be taken back."""
    return world.changed()


def refused(write: Callable[[], Any], words: str) -> None:
    with pytest.raises(DatabaseError, match=words), transaction.atomic():
        write()


def test_plays__say_the_same_for_ever_and_one_is_chosen(world: World) -> None:
    play = world.planned()
    rows = Play.objects.filter(pk=play.pk)
    refused(lambda: rows.update(title="Another"), "history")
    refused(lambda: play.steps.get(position=1).delete(), "history")
    refused(lambda: PlayStep.objects.filter(play=play).update(mutating=False), "history")
    other = Play.objects.filter(mission=play.mission, key="call-them")
    chosen = {"selected_at": clock.now(), "selected_by": "user:1"}
    refused(lambda: other.update(status="selected", **chosen), "one_play_is_selected")
    rows.update(status="withdrawn", selected_at=None, selected_by="")
    refused(lambda: rows.update(status="proposed"), "cannot become")


def test_undo_plans__are_not_written_while_they_are_ready(world: World) -> None:
    plan = world.undo_of_play(world.planned())
    step = plan.steps.standing().earliest("position")
    refused(lambda: UndoStep.objects.filter(pk=step.pk).update(inverse="x"), "history")
    refused(
        lambda: UndoStep.objects.filter(pk=step.pk).update(removed_at=clock.now()), "being written"
    )
    values = {"action": "x", "inverse": "y", "verify": "z", "position": 9}
    refused(lambda: UndoStep.objects.create(plan=plan, **values), "is ready")
    strange = PlayStep.objects.filter(play__key="call-them", play__mission=plan.mission).get()
    refused(
        lambda: UndoStep.objects.create(plan=plan, play_step=strange, alternate=True, **values),
        "another play",
    )
    rows = UndoPlan.objects.filter(pk=plan.pk)
    refused(lambda: rows.update(status="draft", window_minutes=0), "undo_plan_window")


def test_failed_undo__is_followed_by_something(world: World) -> None:
    undo = world.undo(world.changed())
    now = clock.now()
    UndoRun.objects.filter(pk=undo.pk).update(status="running", started_at=now)
    with pytest.raises(DatabaseError, match="neither"), transaction.atomic():
        UndoRun.objects.filter(pk=undo.pk).update(status="failed", finished_at=now)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS mission_failed_undo_is_followed IMMEDIATE")
    refused(lambda: UndoRun.objects.filter(pk=undo.pk).update(status="requested"), "cannot become")
    refused(lambda: UndoRun.objects.filter(pk=undo.pk).update(late=True), "history")
    other = world.undo_of_play(undo.plan.play).steps.get(alternate=True)
    refused(
        lambda: UndoAttempt.objects.create(run=undo, step=other, number=1, result="done", by="x"),
        "no such step",
    )


def test_runs__belong_to_what_executes(world: World) -> None:
    run = world.run()
    play = Play.objects.get(mission=run.mission, key="call-them")
    given_ = {"mission": run.mission, "visit": run.visit, "external_id": "x", "agent": "a"}
    refused(lambda: Run.objects.create(play=play, **given_), "no selected play")
    refused(lambda: Run.objects.create(play=run.play, **given_), "one_run_at_a_time")
    values = {"mission": run.mission, "run": run, "reported_by": "x"}
    refused(
        lambda: RunStep.objects.create(
            external_id="a", play_step=play.steps.get(), **values
        ), "another play",
    )  # fmt: skip
    done = RunStep.objects.create(external_id="b", status="succeeded", **values)
    rows = RunStep.objects.filter(pk=done.pk)
    refused(lambda: rows.update(status="running"), "cannot become")
    refused(lambda: rows.update(external_id="c"), "history")


def test_let_go__not_while_the_mission_is_held(world: World) -> None:
    run = world.run()
    services.pause_mission(run.mission, actor=world.oc, reason="Stop.")
    values = {"mission": run.mission, "run": run, "reported_by": "x", "external_id": "a"}
    refused(lambda: RunStep.objects.create(dispatched_at=clock.now(), **values), "does not execute")
    step = RunStep.objects.create(**values)
    rows = RunStep.objects.filter(pk=step.pk)
    refused(lambda: rows.update(dispatched_at=clock.now()), "does not execute")


def test_let_go__stays_what_it_was(world: World) -> None:
    run = world.run()
    step = world.step(run, 2, arguments={"tag": "a"}).step
    rows = RunStep.objects.filter(pk=step.pk)
    refused(lambda: rows.update(toolkit="mail"), "history")
    refused(lambda: rows.update(action="delete"), "history")
    refused(lambda: rows.update(play_step=run.play.steps.get(position=3)), "history")
    refused(lambda: rows.update(arguments={"tag": "b"}), "history")
    refused(lambda: rows.update(mutating=False, undo_step=None), "history")
    values = {"mission": run.mission, "run": run, "reported_by": "x", "mutating": True}
    loose = {**values, "external_id": "l", "dispatched_at": clock.now()}
    refused(lambda: RunStep.objects.create(**loose), "nothing takes it back")
    told = RunStep.objects.create(external_id="t", **{**values, "mutating": False})
    executing.finish_run(run, actor=world.executor)
    rows = RunStep.objects.filter(pk=told.pk)
    refused(lambda: rows.update(dispatched_at=clock.now()), "not under way")


def test_undo__is_of_its_plan_and_of_what_changes(world: World) -> None:
    plan, other = (world.undo_of_play(world.planned()) for _ in range(2))
    given_ = {"reason": "x", "requested_by": "user:1"}
    strange = [other.steps.standing().earliest("pk").pk]
    refused(lambda: UndoRun.objects.create(plan=plan, takes=strange, **given_), "of its plan")
    refused(lambda: UndoRun.objects.create(plan=plan, takes=[], **given_), "of its plan")
    rows = UndoPlan.objects.filter(pk=plan.pk)
    now = clock.now()
    rows.update(deadline_at=now)
    refused(lambda: rows.update(deadline_at=None), "history")
    refused(lambda: rows.update(deadline_at=now - timedelta(minutes=1)), "history")
    done = {"status": "executed", "closed_at": now}
    refused(lambda: rows.update(**done), "nothing was taken back")
    undo_plans.close_undo(plan, actor=world.oc, reason="Plan it anew.")
    undo_plans.open_undo_plan(plan, actor=world.planner)
    mine = [plan.steps.standing().earliest("pk").pk]
    refused(lambda: UndoRun.objects.create(plan=plan, takes=mine, **given_), "is a draft")
    look = plan.play.steps.get(position=1)
    step = {"play_step": look, "action": "x", "inverse": "y", "verify": "z", "position": 9}
    refused(lambda: UndoStep.objects.create(plan=plan, **step), "changes nothing")
    back = {"play_step": 1, "action": "x", "inverse": "y", "verify": "z"}
    with pytest.raises(Invalid, match="changes nothing"):
        undo_plans.put_undo_plan(
            plan.play, actor=world.planner, **{**UNDO, "steps": [*UNDO["steps"], back]}
        )


# --- Undo runs, at random -----------------------------------------------------------------------

TOLD = st.lists(
    st.tuples(st.sampled_from([1, 2]), st.sampled_from(["done", "failed", "skipped"]),
              st.sampled_from(["", "a", "b", "c"])),
    max_size=10,
)  # fmt: skip


@pytest.mark.slow
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
@given(told=TOLD, drill=st.booleans())
def test_undo_run__whatever_is_reported__ends_once_and_never_alone(
    world: World, ran: Run, told: list[tuple[int, str, str]], drill: bool
) -> None:
    point = transaction.atomic()
    point.__enter__()
    try:
        undo = world.undo(ran, drill=drill)
        for place, result, key in told:
            before = UndoRun.objects.get(pk=undo.pk)
            given_ = {"step": place, "result": result, "note": "seen", "external_id": key}
            try:
                undoing.report_undo(undo, [given_], actor=world.executor)
            except ControlPlaneError:
                assert not before.is_open
        _whole(UndoRun.objects.get(pk=undo.pk))
    finally:
        transaction.set_rollback(True)
        point.__exit__(None, None, None)


def _whole(undo: UndoRun) -> None:
    results: dict[int, list[str]] = {}
    for step, result in undo.attempts.order_by("pk").values_list("step_id", "result"):
        results.setdefault(step, []).append(result)
    settled_ = [pk for pk in undo.takes if {"done", "skipped"} & set(results.get(pk, []))]
    # Nothing is tried again once it is settled, nor more often than it may be.
    for tries in results.values():
        assert len(tries) <= 3
        assert all(each == "failed" for each in tries[:-1])
    if undo.status == "completed":
        assert len(settled_) == len(undo.takes)
    elif undo.status == "failed":
        assert any(tries == ["failed"] * 3 for tries in results.values())
        assert undo.drill or undo.followed_by is not None or undo.item_key
    else:
        assert len(settled_) < len(undo.takes)
    expected = sum(1 for tries in results.values() if tries[-1] == "done")
    assert undo.is_open or undo.reversed == expected
