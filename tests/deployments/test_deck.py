"""The next step: whoever follows it comes to the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from controlplane.access.models import User
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotAllowed
from deployments import services
from deployments.models import Adapter, Deployment, Gate, Step
from deployments.shown import deck_moves
from tests import make
from tests.kit import settled
from tests.kit.deployments import FACTS, HOTFIX, World, again, deliver, fire, steps, there

pytestmark = pytest.mark.django_db
GIVEN: dict[str, Any] = {**FACTS, **HOTFIX}


@settled.once
def world() -> World:
    made = World()
    made.component("agent")
    return made


@settled.once
def watcher(world: World) -> User:
    return world.on_call()


@settled.once
def viewer(world: World) -> Actor:
    return make.actor(make.person(world.workspace, "viewer"))


def following(row: Deployment, actor: Actor) -> services.Next:
    return services.next_action(again(row), actor)


def take(row: Deployment, actor: Actor, world: World) -> str:
    """Take the next step, as the doors do."""
    row = again(row)
    found = services.next_action(row, actor)
    if found.verb == "tick":
        services.tick_gate(row.gates.get(slug=found.gate), actor=actor, detail="Looked at.")
    elif found.verb == "finish":
        step = Step.objects.select_related("deployment__environment").get(uid=found.step)
        services.finish_step(step, actor=actor, exit_code=0, output="ok")
    elif found.verb == "close":
        services.close(row, actor=actor, reason="4.2.0 live; telemetry stable")
    else:
        {
            "prepare": services.prepare,
            "ready": services.declare_ready,
            "start": services.start,
            "watch": services.begin_watch,
        }[found.verb](row, actor=actor)
    return found.verb


def test_whoever_follows_the_next_step__comes_to_the_end(world: World, viewer: Actor) -> None:
    row = world.draft("staging")
    taken: list[str] = []
    for _ in range(60):
        refused = following(row, viewer)
        assert not refused.allowed, refused
        found = following(row, world.actor)
        if found.verb == "look":  # what only reports can mend, the role waives here
            gate = row.gates.get(slug=found.gate)
            services.waive_gate(gate, actor=world.lead, reason="Not asked for in this test.")
            continue
        if not found.verb:
            break
        taken.append(take(row, world.actor, world))
    row = again(row)
    assert row.status == "monitoring"
    assert found.due == row.monitor_until
    with time_machine.travel(there(row.monitor_until) + timedelta(seconds=1), tick=False):
        fire()
        world.settle(row, "after")
        assert take(row, world.actor, world) == "close"
    assert following(row, world.actor).verb == ""
    order = [verb for place, verb in enumerate(taken) if verb not in taken[:place]]
    assert order == ["prepare", "tick", "ready", "start", "finish", "watch"]


def test_consent__waits_for_those_who_are_asked(world: World) -> None:
    row = world.ready("production")
    found = following(row, world.actor)
    assert (found.verb, found.due) == ("", there(row.approval).due_at)
    assert "Engineering lead" in found.why
    asked = following(row, world.lead)
    assert (asked.verb, asked.allowed) == ("sign", True)
    world.sign(row)
    assert following(row, world.actor).verb == "start"
    assert world.gate(row, "approval").state == Gate.State.PASSED


def test_missing_papers__are_asked_of_whoever_may_change_it(world: World, viewer: Actor) -> None:
    row = world.prepared("staging", rollback_plan="")
    assert following(row, world.actor).verb == "change"
    refused = following(row, viewer)
    assert refused.refusal
    assert any("rollback plan" in words for words in refused.waits_for)


def test_draft__without_components_asks_for_them(world: World) -> None:
    row = world.draft(kinds=())
    assert following(row, world.actor).label == "Say what it brings"


def test_freeze__is_told_and_passed_over_by_the_role_only(world: World) -> None:
    row = world.approved("staging")
    services.make_freeze(
        world.workspace,
        actor=world.actor,
        title="End of the year",
        reason="Books are closed.",
        starts_at=clock.now() - timedelta(hours=1),
        ends_at=clock.now() + timedelta(hours=1),
    )
    services.look_at_gates(row)
    assert following(row, world.actor).label == "Start in spite of the freeze"
    operator = world.someone("operations_command")
    found = following(row, operator)
    assert not found.allowed
    assert "End of the year" in found.why


def test_steps__a_failed_one_a_backup_and_one_that_runs(world: World) -> None:
    world.component("database")
    row = world.started("staging", kinds=("database",), backup_ref="")
    for _ in range(3):
        take(row, world.actor, world)
    assert following(row, world.actor).label == "Name the backup"
    services.change_deployment(again(row), actor=world.actor, backup_ref="of 03:15")
    step = Step.objects.get(uid=there(following(row, world.actor).step))
    services.finish_step(step, actor=world.actor, worked=False, exit_code=1, output="no")
    assert following(row, world.actor).verb == "retry"
    step.refresh_from_db()
    services.try_again(step, actor=world.actor)
    step.refresh_from_db()
    services.run_step(step, actor=world.actor, adapter=world.adapter())
    found = following(row, world.actor)
    assert (found.verb, found.step) == ("", step.uid)


def test_worse__proposes_to_roll_back(world: World) -> None:
    row = world.watched("staging")
    Deployment.objects.filter(pk=row.pk).update(verdict="degraded", verdict_words="5 % fail.")
    assert following(row, world.actor).verb == "rollback"
    undo = services.roll_back(again(row), actor=world.actor, reason="5 % fail.")
    assert following(undo, world.actor).verb == "finish"


def test_worse__where_it_can_not_be_undone_or_was_taken_on__proposes_what_can_be_done(
    world: World,
) -> None:
    """The button asks what the service asks: it is never one that is always refused."""
    worse = {"verdict": "degraded", "verdict_words": "5 % fail."}
    row, top = world.completed(), world.watched(release="4.3.0")
    back = {"status": "monitoring", "closed_at": None, "close_reason": ""}
    Deployment.objects.filter(pk=row.pk).update(**back, **worse)
    held = following(row, world.actor)
    assert (held.verb, f"{top.ref} (4.3.0) came on top of it" in held.why) == ("", True)
    refused = deck_moves.refusal(deck_moves.MOVES["rollback"], again(row), world.actor)
    assert refused == f"{top.ref} (4.3.0) came on top of it: roll that back first."
    undo = services.roll_back(top, actor=world.actor, reason="Errors.")
    for step in steps(undo):
        services.finish_step(step, actor=world.actor)
    Deployment.objects.filter(pk=undo.pk).update(status="monitoring", **worse)
    assert following(undo, world.actor).verb != "rollback"
    assert following(row, world.actor).verb == "rollback"
    said = {"state": "waived", "waived_by": world.lead.ref, "reason": "It is known."}
    Gate.objects.filter(deployment=row, slug="watched").update(**said)
    assert following(row, world.actor).verb != "rollback"


def test_step__that_its_adapter_may_not_do__is_done_by_hand_and_says_why(world: World) -> None:
    adapter = world.adapter()
    row = world.ready("production")
    step = steps(row)[0]
    services.set_step(step, actor=world.actor, adapter=adapter)
    world.sign(services.declare_ready(again(row), actor=world.actor))
    row = services.start(again(row), actor=world.actor)
    assert following(row, world.actor).verb == "run"
    Adapter.objects.filter(pk=adapter.pk).update(argv=["/bin/other"])
    changed = following(row, world.actor)
    assert (changed.verb, "Nobody consented to" in changed.why) == ("finish", True)
    Adapter.objects.filter(pk=adapter.pk).update(argv=adapter.argv, for_step="another")
    assert "is for another step" in following(row, world.actor).why
    Adapter.objects.filter(pk=adapter.pk).update(for_step="")
    adapter.environments.set([world.place("staging")])
    assert "is not allowed in" in following(row, world.actor).why


def test_rollback__that_failed_halfway__says_so(world: World) -> None:
    undo = services.roll_back(world.started(), actor=world.actor, reason="Errors.")
    services.finish_step(steps(undo)[0], actor=world.actor)
    services.give_up(again(undo), actor=world.actor, reason="It hangs.")
    found = following(undo, world.actor)
    assert (found.verb, found.why) == (
        "prepare", "It stopped halfway: what its steps brought back is there.",
    )  # fmt: skip


def test_given_up__is_rolled_back_or_tried_again(world: World) -> None:
    row = world.started("staging")
    services.give_up(again(row), actor=world.actor, reason="The image is broken.")
    assert following(row, world.actor).verb == "prepare"
    other = world.verifying("staging", release="4.3.0")
    services.give_up(other, actor=world.actor, reason="It does not answer.")
    assert following(other, world.actor).verb == "rollback"
    undo = services.roll_back(again(other), actor=world.actor, reason="It does not answer.")
    assert undo.ref in following(other, world.actor).why


def test_hotfix__is_planned_with_what_it_skips_and_owes_it(world: World, watcher: User) -> None:
    row = services.plan_hotfix(
        world.workspace,
        actor=world.actor,
        environment=world.place("staging"),
        release="4.2.1",
        components=[world.component("agent")],
        watcher=watcher,
        skipped={"agent-tests": "Production is down.", "ui-tests": "Does not apply."},
        **GIVEN,
    )
    gate = world.gate(row, "agent-tests")
    assert (gate.state, gate.reason) == ("waived", "Production is down.")
    assert not row.gates.filter(slug="ui-tests").exists()
    with pytest.raises(NotAllowed):
        services.plan_hotfix(
            world.workspace,
            actor=make.actor(make.person(world.workspace, "viewer")),
            environment=world.place("staging"),
            release="4.2.2",
            **GIVEN,
        )
    world.settle(row)
    services.declare_ready(again(row), actor=world.actor)
    services.start(again(row), actor=world.actor)
    row = world.do_steps(again(row))
    world.settle(row, "after")
    row = services.begin_watch(again(row), actor=world.actor)
    with time_machine.travel(there(row.monitor_until) + timedelta(seconds=1), tick=False):
        fire()
        deliver()
        found = following(row, world.actor)
        assert (found.verb, found.due) == ("", row.docs_due_at)
        assert any("Agent tests pass" in words for words in found.waits_for)


def test_next__of_a_stranger_is_refused(world: World) -> None:
    row = world.draft("staging")
    stranger = World().actor
    assert not following(row, stranger).allowed


def test_api__tells_the_next_step_with_its_route(world: World) -> None:
    row = world.draft("staging")
    client = Client()

    def told(*scopes: str) -> dict[str, Any]:
        _, secret = make.key(make.agent(world.workspace, role=""), scopes=scopes)
        path = f"/api/v1/deployments/{row.ref}"
        answer = client.get(path, headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()["next"]
        return found

    here = f"/api/v1/deployments/{row.ref}/prepare"
    following = told("deployment.view", "deployment.change")
    assert (following["method"], following["path"], following["allowed"]) == ("POST", here, True)
    refused = told("deployment.view")
    assert (refused["allowed"], bool(refused["refusal"])) == (False, True)
