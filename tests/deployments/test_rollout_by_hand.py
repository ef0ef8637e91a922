"""A flag that people touch under its rollout: nothing is lost, and nobody is looked past."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.lib import clock
from controlplane.lib.errors import Conflict, NotAllowed
from deployments.canary import services as canary
from deployments.canary.services import moving
from deployments.flags import services as flags
from deployments.flags.models import Flag
from deployments.models import Rollout, RolloutSample
from tests import make
from tests.kit import settled
from tests.kit.rollouts import CLEAN, World, events, fresh, later, look, step_of

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@settled.once
def world() -> World:
    return World()


@settled.once
def reading(world: World) -> Rollout:
    return world.running(source="telemetry")


@settled.once
def posted(world: World) -> Rollout:
    return world.running(flag=world.make("posted"))


def test_switched_off__what_came_before_is_counted(world: World, reading: Rollout) -> None:
    with later(1):
        world.send(2, status="error", at=clock.now())
        world.send(9, answer="off", at=clock.now())
        flags.kill(reading.flag, actor=world.actor, reason="It fails.")
    for minutes in (3, 4):
        rollout = look(reading, minutes)
    assert rollout.status == "paused"
    assert step_of(rollout).seen["errors"]["bad"] == 2
    assert sum(each.n for each in RolloutSample.objects.filter(step__rollout=rollout)) == 2
    assert step_of(rollout).seen["off"] == 0  # nobody was let in any more: no share to hold to


def test_switched_off__for_what_it_is_rolled_back_for(world: World, reading: Rollout) -> None:
    with later(1):
        world.send(
            event="validator_alert_raised",
            at=clock.now(),
            context={"severity": "high", "safeguard_id": "tone"},
        )
        flags.kill(reading.flag, actor=world.actor, reason="It fails.")
    rollout = look(reading, 3)
    assert (rollout.status, step_of(rollout).rule) == ("rolled_back", "safeguard")


def test_switched_off__figures_that_are_posted_are_kept_and_nothing_goes_on(
    world: World, posted: Rollout
) -> None:
    with later(31):
        flags.kill(posted.flag, actor=world.actor, reason="It fails.")
        rollout = world.post(posted, **CLEAN)
    assert (rollout.status, step_of(rollout).percent) == ("paused", 10)
    assert step_of(rollout).samples.get().n == CLEAN["n"]


def test_posted__of_a_moment_before_the_last__is_no_silence(world: World, posted: Rollout) -> None:
    with later(10):
        world.post(posted, **CLEAN)
        at = clock.now()
        with later(-9):
            early = clock.now()
        canary.post_figures(fresh(posted), {"n": 3}, actor=world.actor, at=early)
    rollout = look(posted, 11)
    assert rollout.status == "running"
    assert step_of(rollout).seen["last_at"] == at.isoformat()


def test_archived__is_refused_under_a_rollout_and_keeps_the_next_step_back(
    world: World, posted: Rollout
) -> None:
    with pytest.raises(Conflict, match=f"{posted.ref} rolls it out"):
        flags.archive(posted.flag, actor=world.actor, reason="Old.")
    Flag.objects.filter(pk=posted.flag.pk).update(archived_at=clock.now())
    with later(31):
        rollout = world.post(posted, **CLEAN)
    assert (rollout.status, step_of(rollout).rule) == ("held", "waiting")
    assert "is archived" in step_of(rollout).reason


def test_next_step__that_can_not_begin__holds_and_says_so_once(
    world: World, posted: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*args: Any, **kwargs: Any) -> None:
        raise Conflict("The flag is too large for another rule.")

    with monkeypatch.context() as patch:
        patch.setattr(moving, "begin", refuses)
        with later(31):
            world.post(posted, **CLEAN)
        rollout = look(posted, 32)
    step = step_of(rollout)
    assert (rollout.status, step.state, step.percent) == ("held", "held", 10)
    assert step.reason == "The flag is too large for another rule."
    assert (step.samples.get().n, events(rollout).count("hold")) == (CLEAN["n"], 1)
    assert step.snapshot is None
    rollout = look(posted, 33)
    assert step_of(rollout).percent == 50


def test_stranger__archives_nothing(posted: Rollout) -> None:
    with pytest.raises(NotAllowed):
        flags.archive(posted.flag, actor=World().actor, reason="Mine.")
    with pytest.raises(NotAllowed):
        canary.pause(posted, actor=make.actor(make.person(make.workspace())), reason="Mine.")
