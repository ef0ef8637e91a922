"""A canary is judged by all that happened under it, however late it is told, and its cohort by
people: not by how often each of them comes."""

from __future__ import annotations

import pytest

from controlplane.lib import clock
from deployments.canary import services as canary
from deployments.canary.plans import is_for_everybody, settings_at
from deployments.models import Rollout, RolloutSample
from tests.kit import settled
from tests.kit.rollouts import MINUTE, World, later, look, step_of

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@settled.once
def world() -> World:
    return World()


@settled.once
def running(world: World) -> Rollout:
    return world.running(source="telemetry")


def violate(world: World, minute: float) -> None:
    world.send(
        event="validator_alert_raised",
        at=clock.now() + minute * MINUTE,
        context={"severity": "high", "safeguard_id": "tone"},
    )


# --- Late ----------------------------------------------------------------------------------------


def test_violation__told_after_its_minute_was_read__rolls_back(
    world: World, running: Rollout
) -> None:
    look(running, 3)
    with later(4):
        violate(world, -3)
    rollout = look(running, 6)
    assert (rollout.status, step_of(rollout).rule) == ("rolled_back", "safeguard")


def test_violation__of_the_step_before__rolls_back_the_one_that_runs(
    world: World, running: Rollout
) -> None:
    with later(5):
        canary.promote(running, actor=world.actor, override="It is known to work.")
    with later(6):
        violate(world, -2)
    rollout = look(running, 8)
    assert (rollout.status, step_of(rollout).percent) == ("rolled_back", 50)


def test_requests__told_late_or_before_a_promotion__count_once(
    world: World, running: Rollout
) -> None:
    look(running, 3)
    with later(4):
        world.send(7, status="error", at=clock.now() - 3 * MINUTE)  # those of an outage
        world.send(40, at=clock.now())
        canary.promote(running, actor=world.actor, override="It is known to work.")
    for minutes in (6, 7):
        rollout = look(running, minutes)
    assert step_of(rollout).numbers["errors"]["count"] == 7
    counted = RolloutSample.objects.filter(step__rollout=running.pk)
    assert sum(each.n for each in counted) == 47


def test_requests__of_before_it_began__are_not_its_own(world: World) -> None:
    world.flag = world.make("second")
    rollout = world.ready(flag=world.flag, source="telemetry")
    world.send(30, status="error", at=clock.now() - MINUTE)
    rollout = look(world.start(rollout), 3)
    assert rollout.status == "running"
    assert not RolloutSample.objects.filter(step__rollout=rollout.pk, n__gt=0).exists()


# --- Who is let in -------------------------------------------------------------------------------


def test_cohort__of_few_people_who_come_often__is_no_wrong_split(
    world: World, running: Rollout
) -> None:
    """14 of 100 is honest for 10 percent; 280 of 2,000 requests would not be."""
    with later(2):
        for _ in range(3):
            world.send(people=range(14), at=clock.now())
            world.send(people=range(14, 100), answer="off", at=clock.now())
    rollout = look(running, 4)
    assert (rollout.status, step_of(rollout).rule) == ("running", "dwell")
    seen = step_of(rollout).seen
    assert (seen["on"], seen["off"]) == (14, 86)


def test_cohort__of_the_wrong_people__holds_and_tells_the_share(
    world: World, running: Rollout
) -> None:
    with later(2):
        world.send(people=range(25), at=clock.now())
        world.send(people=range(25, 100), answer="off", at=clock.now())
    rollout = look(running, 4)
    assert (rollout.status, step_of(rollout).rule) == ("held", "split")
    assert "25 % of those asked about are in the cohort instead of 10 %" in step_of(rollout).reason


def test_cohort__of_before_the_step__is_not_held_against_its_share(
    world: World, running: Rollout
) -> None:
    """Also not of the moments in which applications had not asked for the new rules yet."""
    with later(4.6):
        world.send(people=range(100, 200), answer="off", at=clock.now())
        canary.promote(running, actor=world.actor, override="It is known to work.")
    with later(5):
        world.send(people=range(100, 200), answer="off", at=clock.now())
    rollout = look(running, 6.6)
    assert (rollout.status, step_of(rollout).rule) == ("running", "dwell")
    with later(7):
        world.send(people=range(50), at=clock.now())
        world.send(people=range(50, 100), answer="off", at=clock.now())
    rollout = look(running, 9)
    assert (rollout.status, step_of(rollout).rule) == ("running", "dwell")
    assert (step_of(rollout).seen["on"], step_of(rollout).seen["off"]) == (50, 50)


def test_cohort__by_what_people_share__is_held_against_nothing(running: Rollout) -> None:
    rule = settings_at(running.base, 10, title="Some")["rules"][0] | {"percent": 100}
    assert is_for_everybody({**running.base, "rules": [rule]})
    assert not is_for_everybody({**running.base, "rules": [{**rule, "stickiness": "company"}]})


def test_people__of_another_workspace_or_of_no_name__are_nobody(
    world: World, running: Rollout
) -> None:
    elsewhere = World()
    with later(2):
        elsewhere.send(people=range(50), at=clock.now())
        world.send(50, at=clock.now())
        world.send(10, answer="off", at=clock.now())
    rollout = look(running, 4)
    assert (rollout.status, step_of(rollout).rule) == ("running", "dwell")
