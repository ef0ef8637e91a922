"""Several at once: one play is chosen, a step is let go once, two batches with the same ids end in
the state that any one order ends in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from controlplane.lib.errors import ControlPlaneError
from missions import services
from missions.models import Play, RunStep, UndoPlan, UndoRun
from missions.services import plays, reporting, undoing
from tests.kit.missions import again
from tests.kit.missions_plans import World, many
from tests.kit.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.servers]


@pytest.fixture
def world() -> World:
    made = World()
    made.planner, made.oc, made.executor  # noqa: B018
    return made


def _at_once(*deeds: Callable[[], Any]) -> list[Any]:
    found = race(len(deeds), lambda n: deeds[n]())
    failures = [each for each in found if isinstance(each, Exception)]
    assert all(isinstance(each, ControlPlaneError) for each in failures), failures
    return found


def test_two_plays_chosen_at_once__one_stands(world: World) -> None:
    first, second = world.proposed(world.imported(stage="Plan"))
    other = world.someone("mission_owner")
    _at_once(
        lambda: plays.select_play(first, actor=world.actor),
        lambda: plays.select_play(second, actor=other),
    )
    assert Play.objects.filter(mission=first.mission, status="selected").count() == 1


def test_two_batches_of_the_same_ids__one_story(world: World) -> None:
    run = world.run()
    batches = [many(40, "running", sequence=1), many(40, "succeeded", sequence=2),
               list(reversed(many(40, "failed", sequence=1)))]  # fmt: skip
    found = _at_once(
        *[
            lambda batch=batch: reporting.report_steps(run, batch, actor=world.executor)
            for batch in batches
        ]
    )
    assert not [each for each in found if isinstance(each, Exception)]
    rows = RunStep.objects.filter(run=run)
    assert rows.count() == 40
    assert set(rows.values_list("status", "sequence")) == {("succeeded", 2)}


def test_a_step_asked_for_at_once__is_let_go_once(world: World) -> None:
    run = world.run()
    found = _at_once(*[lambda: world.step(run, 2) for _ in range(3)])
    assert {each.step.pk for each in found} == {RunStep.objects.get(run=run).pk}


def test_paused_while_steps_are_let_go__nothing_goes_afterwards(world: World) -> None:
    run = world.run()
    found = _at_once(
        lambda: world.step(run, 1, "a"),
        lambda: services.pause_mission(run.mission, actor=world.oc, reason="Stop."),
        lambda: world.step(run, 2, "b"),
    )
    row = again(run.mission)
    assert row.status == "paused"
    assert row.paused_at is not None
    assert not RunStep.objects.filter(run=run, dispatched_at__gt=row.paused_at).exists()
    assert not isinstance(found[1], Exception)


def test_undone_by_two_at_once__one_run(world: World) -> None:
    run = world.changed()
    plan = world.undo_of(run)
    _at_once(
        *[lambda: undoing.request_undo(plan, actor=world.oc, reason="Wrong list.")
          for _ in range(3)]
    )  # fmt: skip
    undo = UndoRun.objects.get(plan=plan)
    told = [{"step": place, "result": "done", "external_id": f"u{place}"} for place in (1, 2)]
    _at_once(*[lambda: undoing.report_undo(undo, told, actor=world.executor) for _ in range(3)])
    undo.refresh_from_db()
    assert (undo.status, undo.attempts.count()) == ("completed", 2)
    assert UndoPlan.objects.get(pk=plan.pk).status == "executed"
