"""May this step be taken now? Not while anything says no, and nobody says yes out of ignorance."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from controlplane.access import services as access
from controlplane.catalog import services as catalog
from controlplane.catalog.models import Integration
from controlplane.lib import clock
from controlplane.lib.errors import (
    Conflict,
    ControlPlaneError,
    GateNotMet,
    Invalid,
    InvalidTransition,
    NotAllowed,
    RateLimited,
    Unavailable,
)
from deployments.flags import services as flags
from deployments.flags.models import FlagState
from deployments.flags.serving.store import store
from missions import services
from missions.execution import breakers, types
from missions.models import DutyWindow, Play, Run, RunStep
from missions.services import dispatching, executing, plan_notes, plays, undo_plans
from tests import make
from tests.kit import settled
from tests.kit.missions import again
from tests.kit.missions_plans import PLAY, UNDO, World

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    made = World()
    made.planner, made.oc, made.executor  # noqa: B018
    return made


@settled.once
def run(world: World) -> Run:
    return world.run()


def gates_of(error: ControlPlaneError) -> set[str]:
    return {each["gate"] for each in error.details["gates"]}


def test_dispatch__lets_a_step_go_and_says_how_it_is_taken_back(world: World, run: Run) -> None:
    let = world.step(run, 2, arguments={"email": "anna@example.org"})
    assert let.step.undo_step is not None
    assert let.step.undo_step.position == 1
    assert (let.window_minutes, let.step.status, let.step.toolkit) == (20, "queued", "crm")
    assert "anna" not in str(let.step.arguments)
    assert world.step(run, 2).step.pk == let.step.pk  # asked again
    assert RunStep.objects.filter(run=run).count() == 1


def test_dispatch__paused__nothing_at_all(world: World, run: Run) -> None:
    world.step(run, 1)
    services.pause_mission(run.mission, actor=world.oc, reason="The tags look wrong.")
    for place in (1, 2):
        with pytest.raises(InvalidTransition, match="The tags look wrong"):
            world.step(run, place)
    with pytest.raises(InvalidTransition):
        world.run(again(run.mission), "run-2")
    services.resume_mission(again(run.mission), actor=world.oc, reason="They are right.")
    assert world.step(run, 2).step.dispatched_at is not None


def test_dispatch__nobody_watches__refused(world: World, run: Run) -> None:
    window = DutyWindow.objects.get(mission=run.mission)
    plan_notes.cancel_duty(window, actor=world.oc)
    with pytest.raises(GateNotMet) as refused:
        world.step(run, 1)
    assert gates_of(refused.value) == {"duty_window"}


def test_dispatch__whoever_watched_lost_the_role__refused(world: World, run: Run) -> None:
    window = DutyWindow.objects.select_related("person").get(mission=run.mission)
    grant = window.person.memberships.get().grants.get()
    access.revoke_role(grant, actor=make.JOB, reason="They left.")
    with pytest.raises(GateNotMet, match="does not hold"):
        world.step(run, 1)


def test_dispatch__type_switched_off__refused(world: World, settings: Any) -> None:
    settings.ENVIRONMENT = "staging"
    row = world.executing(mission_type="outreach")
    said = types.type_allowed(row)
    assert not said.allowed  # there is no such flag: nobody said yes
    assert "mission_type_outreach" in said.words
    manager = world.someone("release_manager")
    flag = flags.create_flag(
        world.workspace, "mission_type_outreach", actor=manager, kind="mission_type"
    )
    _switch(flag, manager, on=True)
    run = world.run(row)
    world.step(run, 1)
    _switch(flag, manager, on=False)
    with pytest.raises(GateNotMet) as refused:
        world.step(run, 2)
    assert gates_of(refused.value) == {"type_enabled"}
    with pytest.raises(GateNotMet):
        world.run(world.executing(mission_type="outreach"))


def _switch(flag: Any, actor: Any, *, on: bool) -> None:
    state = FlagState.objects.select_related("flag__workspace", "environment").get(
        flag=flag, environment__slug="staging"
    )
    flags.change_settings(state, {"on": on}, actor=actor, version=state.version)
    store.clear()


def test_dispatch__breaker_open__try_later(world: World, run: Run) -> None:
    crm = Integration.objects.get(workspace=world.workspace, slug="crm")
    until = clock.now() + timedelta(minutes=2)
    catalog.trip(crm, actor=make.JOB, reason="It answers 500.", retry_at=until)
    with pytest.raises(Unavailable, match="500") as refused:
        world.step(run, 2)
    assert refused.value.retry_after
    assert 60 < refused.value.retry_after <= 120
    assert not RunStep.objects.filter(run=run).exists()


def test_dispatch__nobody_answers_for_breakers__refused(world: World, run: Run) -> None:
    known, breakers.PROVIDERS[:] = list(breakers.PROVIDERS), []
    try:
        with pytest.raises(Unavailable, match="Nobody here can say"):
            world.step(run, 2)
    finally:
        breakers.PROVIDERS[:] = known


def test_dispatch__what_else_is_asked__is_asked(world: World, run: Run) -> None:
    dispatching.CHECKS["walk"] = lambda asked: "Not on Sundays."
    try:
        with pytest.raises(GateNotMet, match="Sundays") as refused:
            world.step(run, 1)
    finally:
        del dispatching.CHECKS["walk"]
    assert gates_of(refused.value) == {"walk"}


def test_dispatch__throttle__per_mission_and_toolkit(world: World, run: Run) -> None:
    dispatching.LIMITS.append(lambda mission, toolkit: 2 if toolkit == "crm" else None)
    try:
        with time_machine.travel(clock.now(), tick=False) as at:
            world.step(run, 1, "a")
            at.shift(20)
            world.step(run, 1, "b")
            with pytest.raises(RateLimited) as refused:
                world.step(run, 1, "c")
            assert refused.value.retry_after == pytest.approx(40)
            world.step(run, 3, "d")  # another toolkit
            world.step(run, 1, "a")  # asked again, it counts once
            at.shift(41)
            assert world.step(run, 1, "c").step.external_id == "c"
    finally:
        dispatching.LIMITS.pop()


def test_dispatch__a_change_that_nothing_takes_back__refused(world: World, run: Run) -> None:
    with pytest.raises(GateNotMet) as refused:
        dispatching.dispatch(
            run, actor=world.executor, external_id="x", action="send", toolkit="mail", mutating=True
        )
    assert gates_of(refused.value) == {"play"}
    with pytest.raises(GateNotMet, match="changes nothing"):
        world.step(run, 1, mutating=True)


def test_dispatch__what_cannot_be__is_refused(world: World, run: Run) -> None:
    world.report(run, {"external_id": "done", "status": "succeeded", "action": "x"})
    for given, error in (
        ({"external_id": ""}, Invalid),
        ({"external_id": "a"}, Invalid),  # no action
        ({"external_id": "a", "play_step": 9}, Invalid),
        ({"external_id": "a", "play_step": 1, "toolkit": "mail"}, Invalid),
        ({"external_id": "a", "play_step": "1"}, Invalid),
        ({"external_id": "a", "play_step": 1, "arguments": "x"}, Invalid),
        ({"external_id": "done", "play_step": 1}, Conflict),
    ):
        with pytest.raises(error):
            dispatching.dispatch(run, actor=world.executor, **given)


def test_dispatch__by_strangers__is_refused(world: World, run: Run) -> None:
    for actor in (World().executor, world.someone("viewer"), world.planner):
        with pytest.raises(NotAllowed):
            dispatching.dispatch(run, actor=actor, external_id="x", play_step=1)


# --- Runs ---------------------------------------------------------------------------------------


def test_run__one_at_a_time__and_the_same_once(world: World) -> None:
    row = world.executing()
    run = world.run(row)
    assert world.run(row).pk == run.pk
    with pytest.raises(Conflict):
        world.run(row, "run-2")
    executing.finish_run(run, actor=world.executor, outcome="All drafted.")
    assert executing.finish_run(run, actor=world.executor).status == "finished"
    assert world.run(row, "run-2").status == "running"
    assert world.run(row).status == "finished"


def test_run__elsewhere_or_without_a_play__is_refused(world: World) -> None:
    with pytest.raises(InvalidTransition):
        world.run(world.imported(stage="Plan"))
    bare = world.imported(stage="Governed Execution")
    with pytest.raises(GateNotMet, match="No play"):
        world.run(bare)


def test_mission_from_elsewhere__runs_nothing_that_was_not_signed_here(world: World) -> None:
    """Whoever imports it there would otherwise need nobody to run what they like."""
    row = world.imported(stage="Governed Execution")
    world.integrations()
    with pytest.raises(InvalidTransition, match="Send it back"):
        plays.propose_plays(row, [PLAY], actor=world.oc)
    play = Play.objects.create(  # as if it had been planned there all the same
        mission=row, key="p", rank=1, title="P", digest="0" * 64, status="selected",
        selected_at=clock.now(), selected_by="user:1", proposed_by="user:1",
    )  # fmt: skip
    world.watched(row)
    with pytest.raises(InvalidTransition, match="Send it back"):
        undo_plans.put_undo_plan(play, actor=world.oc, **UNDO)
    with pytest.raises(GateNotMet, match="Nobody was asked here"):
        world.run(row)
    services.send_back(row, actor=world.oc, to="plan_approve", reason="Nobody signed it.")
    assert again(row).stage == "plan_approve"


def test_run__aborted__late_reports_know_better(world: World, run: Run) -> None:
    world.step(run, 1, "a")
    world.step(run, 1, "b")
    executing.abort_run(run, actor=world.executor, reason="The mailbox is full.")
    world.report(run, {"external_id": "a", "status": "succeeded"})
    assert sorted(run.steps.values_list("external_id", "status", "error_code")) == [
        ("a", "succeeded", ""), ("b", "failed", "ABORTED"),
    ]  # fmt: skip
    with pytest.raises(InvalidTransition):
        world.step(run, 1, "c")


def test_sent_back__its_run_ends(world: World, run: Run) -> None:
    world.step(run, 2)
    services.send_back(run.mission, actor=world.gv, to="plan_approve", reason="Another list.")
    run.refresh_from_db()
    assert (run.status, run.steps.get().status) == ("aborted", "failed")
    with pytest.raises(InvalidTransition):
        world.step(run, 2, "later")


def test_duty__what_cannot_be__is_refused(world: World) -> None:
    row, now = world.imported(stage="Plan"), clock.now()
    hour = timedelta(hours=1)
    person = make.person(world.workspace, "operations_command")
    cases: list[dict[str, Any]] = [
        {"person": person, "starts_at": now, "ends_at": now - hour},
        {"person": person, "starts_at": now - 3 * hour, "ends_at": now - hour},
        {"person": person, "starts_at": now, "ends_at": now + 400 * hour},
        {"person": world.owner, "starts_at": now, "ends_at": now + hour},
        {"person": World().owner, "starts_at": now, "ends_at": now + hour},
    ]
    for given in cases:
        with pytest.raises(Invalid):
            plan_notes.add_duty(row, actor=world.oc, **given)
    with pytest.raises(NotAllowed):
        plan_notes.add_duty(
            row, actor=world.actor, person=person, starts_at=now, ends_at=now + hour
        )
