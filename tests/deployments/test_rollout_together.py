"""Many rollouts looked at together come to what each alone would come to."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.lib import clock
from deployments.canary.services import together
from deployments.canary.services.looking import tick
from deployments.canary.ticks import tick_all
from deployments.flags import services as flags
from deployments.models import Rollout, RolloutSample
from tests.kit import settled
from tests.kit.rollouts import MINUTE, World, fresh, later, step_of

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@settled.once
def world() -> World:
    return World()


@settled.once
def live(world: World) -> list[Rollout]:
    """Three that read the portal's telemetry, begun a minute ago."""
    return [
        world.running(flag=world.make(name), source="telemetry") for name in ("one", "two", "three")
    ]


def told(world: World, rollout: Rollout, count: int, **more: Any) -> None:
    world.flag = rollout.flag
    world.send(count, at=clock.now() + MINUTE, **more)


def known(rollout: Rollout) -> dict[str, Any]:
    step = step_of(rollout)
    names = ("seen", "numbers", "verdict", "rule", "reason", "state", "held_since")
    samples = list(step.samples.values_list("at", "n", "errors", "others"))
    return {name: getattr(step, name) for name in names} | {
        "samples": samples,
        "status": rollout.status,
        "read_until": rollout.read_until,
    }


def test_together__is_the_same_as_each_alone(world: World, live: list[Rollout]) -> None:
    for rollout in live[:2]:
        told(world, rollout, 9)
        told(world, rollout, 4, answer="off")
        told(world, rollout, 1, status="error")
    with later(3):
        assert tick(fresh(live[0])) == "keep"
        first = known(fresh(live[0]))
        assert tick_all() == {"keep": 3}
    second = known(fresh(live[1]))
    assert first == second
    assert second["seen"]["errors"]["n"] == 10


def test_questions__do_not_grow_with_their_number(
    world: World, live: list[Rollout], django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        world.running(flag=world.make(f"more-{number}"), source="telemetry")
    with later(2), django_assert_max_num_queries(16):
        assert tick_all() == {"keep": 8}


def test_what_is_more_than_going_on__is_looked_at_alone(world: World, live: list[Rollout]) -> None:
    told(world, live[0], 40, status="error")
    flags.kill(live[1].flag, actor=world.actor)
    with later(3):
        assert tick_all() == {"rollback": 1, "off": 1, "keep": 1}
    assert [fresh(each).status for each in live] == ["rolled_back", "paused", "running"]


def test_hold__begun_alone_goes_on_together_and_ends_alone(
    world: World, live: list[Rollout]
) -> None:
    with later(6):
        assert tick_all() == {"hold": 3}
    before = step_of(fresh(live[0]))
    with later(7):
        assert tick_all() == {"hold": 3}
    after = step_of(fresh(live[0]))
    assert (after.held_since, after.state) == (before.held_since, "held")
    assert after.reason != before.reason  # the minutes go on
    with later(6.5):
        told(world, live[0], 5)
    with later(9):
        assert tick_all() == {"keep": 1, "hold": 2}
    assert fresh(live[0]).status == "running"


def test_same_minute_twice__counts_once(world: World, live: list[Rollout]) -> None:
    told(world, live[0], 8)
    with later(3):
        tick_all()
        tick_all()
    assert step_of(fresh(live[0])).numbers["requests"] == 8
    assert RolloutSample.objects.filter(step__rollout=live[0].pk, n=8).count() == 1


def test_worker_that_dies_in_the_middle__leaves_nothing_half_done(
    world: World, live: list[Rollout], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures, what they come to, and up to where they were read: all or nothing."""
    told(world, live[0], 8)

    def dies(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(together, "_note", dies)
        with later(3), pytest.raises(KeyboardInterrupt):
            tick_all()
    assert not RolloutSample.objects.exists()
    assert fresh(live[0]).read_until == live[0].read_until
    with later(3):
        tick_all()
    assert step_of(fresh(live[0])).numbers["requests"] == 8


def test_one_that_is_broken__is_counted_and_the_others_go_on(
    world: World, live: list[Rollout]
) -> None:
    Rollout.objects.filter(pk=live[0].pk).update(limits={"judge": "nobody"})
    with later(2):
        assert tick_all() == {"keep": 2, "failed": 1}


def test_batch_that_fails__is_looked_at_one_by_one(
    world: World, live: list[Rollout], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: Any) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(together, "keep_looks", fails)
    with later(2):
        assert tick_all() == {"keep": 3}
    assert RolloutSample.objects.count() == 3
