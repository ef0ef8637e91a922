"""A rollout and the deployment that brought its code: what each asks of the other."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.lib.errors import Conflict, GateNotMet, Invalid
from deployments import services
from deployments.canary import services as canary
from deployments.models import Deployment, Rollout
from tests.kit import deployments, settled
from tests.kit.deployments import again
from tests.kit.rollouts import BASELINE, BROKEN, World, events, fresh, talked, walk

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    return World()


@settled.once
def around(world: World) -> deployments.World:
    return deployments.World(world.workspace, world.person)


@settled.once
def watched(world: World, around: deployments.World) -> Deployment:
    """Deployed with the flag off, and watched."""
    return around.watched("staging", flag=world.flag, tier=2)


def ready(world: World, deployment: Deployment) -> Rollout:
    planned = world.plan(deployment=deployment)
    return canary.take_baseline(planned, actor=world.actor, given=BASELINE)


def plan_gate(around: deployments.World, row: Deployment) -> tuple[str, str]:
    services.look_at_gates(row)
    gate = around.gate(row, "rollout-plan")
    return gate.state, gate.detail


def test_tier_2_under_a_flag__is_not_ready_without_a_plan(
    world: World, around: deployments.World
) -> None:
    row = around.prepared("staging", release="5.0.0", flag=world.flag, tier=2)
    assert plan_gate(around, row) == ("failed", "No rollout is planned for its flag.")
    evidence = around.gate(row, "rollout-plan").evidence
    assert evidence[0]["link"].startswith("/admin/deployments/rollout/add/?flag=new-planner")
    elsewhere = world.plan(flag=world.make("elsewhere"))
    assert plan_gate(around, row)[0] == "failed", elsewhere
    rollout = world.plan(deployment=row)
    assert plan_gate(around, row) == ("passed", f"{rollout.ref}: planned.")
    canary.cancel(rollout, actor=world.actor, reason="Not so.")
    assert plan_gate(around, row)[0] == "failed"


def test_tier_1_and_without_a_flag__need_none(world: World, around: deployments.World) -> None:
    given: list[dict[str, Any]] = [{"flag": world.flag, "tier": 1}, {"tier": 3}]
    for number, more in enumerate(given):
        row = around.prepared("staging", release=f"5.1.{number}", **more)
        assert not row.gates.filter(slug="rollout-plan").exclude(state="not_applicable").exists()


def test_start__waits_for_the_deployment_to_land(world: World, around: deployments.World) -> None:
    row = around.prepared("staging", release="5.0.0", flag=world.flag, tier=2)
    with pytest.raises(GateNotMet, match=f"{row.ref} is preparing"):
        world.start(ready(world, row))


def test_start__of_what_is_watched_goes(world: World, watched: Deployment) -> None:
    assert world.start(ready(world, watched)).status == "running"


def test_plan__for_a_deployment_elsewhere_or_undone_is_refused(
    world: World, around: deployments.World
) -> None:
    elsewhere = around.draft("production", release="5.0.0")
    other = around.draft("staging", release="5.0.1", flag=world.make("other"))
    undone = services.cancel(
        around.draft("staging", release="5.0.2"), actor=around.actor, reason="No."
    )
    for row, words in ((elsewhere, "goes to"), (other, "another flag"), (undone, "nothing")):
        with pytest.raises(Invalid, match=words):
            world.plan(deployment=row)


def test_breach__blocks_the_deployment_and_its_item(world: World, watched: Deployment) -> None:
    rollout = world.post(world.start(ready(world, watched)), **BROKEN)
    talked(rollout)
    rollout, row = fresh(rollout), again(watched)
    assert (rollout.status, row.status) == ("rolled_back", "blocked")
    assert row.item is not None
    assert row.item.edges_out.filter(target=rollout.blocker, kind="blocks").exists()
    # Its steps are over; what remains open is the item that waits for the blocker.
    assert {step.item.category for step in rollout.steps.all() if step.item} == {"done"}


def test_deployment_rolled_back__takes_its_rollouts_along_and_says_so_on_their_blockers(
    world: World, watched: Deployment
) -> None:
    """The playbook: roll back by flag or by deployment, then comment on the blockers."""
    first = canary.roll_back(
        world.start(ready(world, watched)), actor=world.actor, reason="Users complain."
    )
    talked(first)
    services.unblock(again(watched), actor=world.actor, reason="Found it.")
    second = world.start(ready(world, again(watched)))
    undone = services.roll_back(again(watched), actor=world.actor, reason="Errors.")
    second = fresh(second)
    assert second.status == "rolled_back"
    assert second.outcome == f"{undone.ref} rolls {watched.ref} back: Errors."
    assert world.settings()["on"] is False
    talked(first)
    talked(second)
    blocker = fresh(first).blocker
    assert blocker is not None
    assert blocker.comments.filter(text__contains=f"{undone.ref} rolls").count() == 1


def test_deployment_rolled_back__switches_off_what_was_completed_with_it(
    world: World, watched: Deployment
) -> None:
    """Whoever deploys that code again brings it off; what began before is another release's."""
    done = walk(world, world.start(ready(world, watched)))
    canary.complete(done, actor=world.actor, metrics_note="Fine.")
    second = world.make("second")
    before = walk(world, world.running(flag=second))
    canary.complete(before, actor=world.actor, metrics_note="Fine.")
    undone = services.roll_back(again(watched), actor=world.actor, reason="Errors.")
    assert world.settings()["on"] is False
    done = fresh(done)
    assert (done.status, events(done)[-1]) == ("completed", "switched_off")
    assert undone.ref in done.events.latest("id").reason
    assert world.state("staging", second).settings["on"] is True


def test_deployment_rolled_back__takes_along_what_names_its_flag_alone_and_gives_up_plans(
    world: World, watched: Deployment
) -> None:
    alone = world.running(flag=world.flag)
    planned = world.plan(flag=world.make("second"), deployment=None)
    Rollout.objects.filter(pk=planned.pk).update(deployment=watched)
    services.roll_back(again(watched), actor=world.actor, reason="Errors.")
    assert [fresh(each).status for each in (alone, planned)] == ["rolled_back", "cancelled"]
    assert world.settings()["on"] is False


def test_another_deployment__takes_the_rollouts_item_under_its_own(
    world: World, around: deployments.World, watched: Deployment
) -> None:
    rollout = world.plan(deployment=watched)
    other = around.draft("staging", release="5.0.0", flag=world.flag)
    for deployment, parent in ((other, other.item), (None, None)):
        stale = fresh(rollout)
        rollout = canary.change_rollout(stale, actor=world.actor, deployment=deployment)
        assert rollout.item is not None
        rollout.item.refresh_from_db()
        assert rollout.item.parent == parent
        with pytest.raises(Conflict, match="another deployment since"):
            canary.cancel(stale, actor=world.actor, reason="Not so.")


def test_cancelled__leaves_no_open_items(world: World) -> None:
    rollout = world.plan()
    canary.cancel(rollout, actor=world.actor, reason="Not now.")
    talked(rollout)
    assert rollout.item is not None
    rollout.item.refresh_from_db()
    assert rollout.item.category == "done"
    assert not rollout.item.children.exclude(category="done").exists()


def test_stranger__names_no_deployment_of_others(world: World, watched: Deployment) -> None:
    elsewhere = World()
    with pytest.raises(Exception, match="another workspace"):
        elsewhere.plan(deployment=watched)
