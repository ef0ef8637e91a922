"""A rollout's plan, its baseline and its first step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, InvalidTransition, NotAllowed
from deployments.canary import services as canary
from deployments.canary import sources
from deployments.flags import services as flags
from deployments.models import Rollout
from tests import make
from tests.kit import settled
from tests.kit.flags import on, rule
from tests.kit.rollouts import (
    BASELINE,
    CLEAN,
    World,
    fresh,
    later,
    percents,
    step_of,
)

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    return World()


# --- Planning ------------------------------------------------------------------------------------


def test_plan__makes_steps_and_an_item_for_each_cohort(world: World) -> None:
    rollout = world.plan()
    steps = list(rollout.steps.values_list("percent", "hold_minutes"))
    assert steps == [(10, 30), (50, 30), (100, 60)]
    assert rollout.ref == "CAN-1"
    assert rollout.item is not None
    items = [step.item for step in rollout.steps.all()]
    assert {item.parent_id for item in items if item} == {rollout.item.pk}
    assert next(item.title for item in items if item) == "CAN-1: 10 % for 30 minutes"
    assert world.settings()["on"] is False


def test_plan__cautious_and_own_steps(world: World) -> None:
    cautious = world.plan(preset="cautious")
    assert [each.hold_minutes for each in cautious.steps.all()] == [60, 120, 1440]
    own = [{"percent": 5, "hold_minutes": 1}, {"percent": 100, "hold_minutes": 2}]
    rollout = world.plan("production", preset="custom", steps=own)
    assert [each.percent for each in rollout.steps.all()] == [5, 100]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"preset": "quick"}, "preset"),
        ({"preset": "custom"}, "steps"),
        ({"preset": "custom", "steps": "all"}, "steps"),
        ({"preset": "custom", "steps": [{"percent": 10}]}, "steps[0]"),
        ({"preset": "custom", "steps": [{"percent": 10, "hold_minutes": 1}]}, "steps"),
        (
            {
                "preset": "custom",
                "steps": [
                    {"percent": 100, "hold_minutes": 1},
                    {"percent": 100, "hold_minutes": 1},
                ],
            },
            "steps",
        ),
        (
            {"preset": "custom", "steps": [{"percent": 0, "hold_minutes": 1}]},
            "steps[0].percent",
        ),
        (
            {"preset": "custom", "steps": [{"percent": 100, "hold_minutes": 1e9}]},
            "steps[0].hold_minutes",
        ),
        ({"steps": [{"percent": 100, "hold_minutes": 1}]}, "steps"),
        ({"limits": {"max_error_rate": 7}}, "limits.max_error_rate"),
        ({"source": "guesses"}, "source"),
        ({"source": "posted", "asking": {"a": 1}}, "asking"),
        ({"source": "impact", "asking": {"latency": "ms"}}, "asking.errors"),
        ({"source": "prometheus", "asking": {"url": "ftp://x"}}, "asking.url"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\0"}, "title"),
    ],
)
def test_plan__that_makes_no_sense_is_refused(
    world: World, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        world.plan(**wrong)
    assert list(refused.value.details) == [field]
    assert not Rollout.objects.exists()


def test_plan__one_open_rollout_of_a_flag_and_environment(world: World) -> None:
    world.plan()
    with pytest.raises(Conflict, match="has a rollout there"):
        world.plan()
    world.plan("production")


def test_plan__of_another_workspace_or_without_the_role(world: World) -> None:
    elsewhere = World()
    with pytest.raises(NotAllowed):
        canary.plan(world.flag, elsewhere.staging, actor=world.actor)
    with pytest.raises(NotAllowed):
        canary.plan(world.flag, world.staging, actor=elsewhere.actor)
    viewer = make.actor(make.person(world.workspace, "viewer"))
    with pytest.raises(NotAllowed):
        world.plan(actor=viewer)


def test_change__before_the_start_everything_after_it_only_the_pace(world: World) -> None:
    rollout = canary.change_rollout(
        world.ready(), actor=world.actor, limits={"judge": "strict"}, title="Slowly"
    )
    assert rollout.limits["judge"] == "strict"
    rollout = canary.start(rollout, actor=world.actor)
    assert not canary.change_rollout(rollout, actor=world.actor, automatic=False).automatic
    with pytest.raises(GateNotMet, match="It has begun"):
        canary.change_rollout(rollout, actor=world.actor, limits={"judge": "sequential"})


# --- The first step ------------------------------------------------------------------------------


def test_start__needs_a_baseline(world: World) -> None:
    with pytest.raises(InvalidTransition):
        canary.start(world.plan(), actor=world.actor)


def test_baseline__kept_with_the_four_figures(world: World) -> None:
    rollout = world.ready()
    assert rollout.slow_ms == 400
    assert rollout.baseline is not None
    figures = rollout.baseline.figures
    assert (figures["error_rate"], figures["p95_ms"], figures["requests"]) == (0.005, 200, 1_000)
    assert figures["safeguard_violations"] == 0
    assert isinstance(figures["ready"], list)


def test_start__brings_the_first_cohort(world: World) -> None:
    rollout = world.running()
    assert rollout.status == "running"
    settings = world.settings()
    assert settings["on"] is True
    assert percents(settings) == [10]
    step = step_of(rollout)
    assert step.earliest_next_at is not None
    assert step.started_at is not None
    assert step.earliest_next_at - step.started_at == timedelta(minutes=30)
    assert world.changes()[-1].reason == "CAN-1: 10 %"


def test_start__refused_while_the_flag_is_on_or_killed(world: World) -> None:
    rollout = world.ready()
    world.put(on(rule(100)))
    with pytest.raises(GateNotMet, match="is on in"):
        canary.start(rollout, actor=world.actor)
    world.put({"on": False})
    flags.kill(world.flag, actor=world.actor)
    with pytest.raises(GateNotMet, match="switched off everywhere"):
        canary.start(rollout, actor=world.actor)


def test_baseline__refused_while_the_flag_is_on(world: World) -> None:
    rollout = world.plan()
    world.put(on(rule(100)))
    with pytest.raises(GateNotMet, match="no baseline"):
        canary.take_baseline(rollout, actor=world.actor, given=BASELINE)


def test_baseline__typed_in_only_where_figures_are_posted(world: World) -> None:
    rollout = world.plan(source="telemetry")
    with pytest.raises(Invalid, match="The portal's telemetry"):
        canary.take_baseline(rollout, actor=world.actor, given={"requests": 9, "p95_ms": 1e9})
    assert fresh(rollout).baseline is None


def test_baseline__read_from_what_the_source_was__is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = world.plan(source="telemetry")
    read = sources.baseline

    def while_changed(*args: Any, **kwargs: Any) -> Any:
        canary.change_rollout(fresh(rollout), actor=world.actor, source="posted")
        return read(*args, **kwargs)

    monkeypatch.setattr(sources, "baseline", while_changed)
    with pytest.raises(Conflict, match="source was changed"):
        canary.take_baseline(rollout, actor=world.actor)
    assert fresh(rollout).baseline is None


def test_targeted_flag__its_rules_are_scaled_and_come_back(world: World) -> None:
    held = [
        rule(100, constraints=[{"contextName": "plan", "operator": "IN", "values": ["pro"]}]),
        rule(20),
    ]
    world.put({"on": False, "rules": held})
    rollout = world.running()
    assert percents(world.settings()) == [10, 10]
    rollout = world.post(rollout, **CLEAN)
    for expected in ([50, 20], [100, 20]):
        with later(31):
            world.post(rollout, **CLEAN)
            assert percents(world.settings()) == expected
            rollout = fresh(rollout)
            # the next step's time starts here
            steps = rollout.steps.filter(state="running")
            steps.update(started_at=clock.now() - timedelta(minutes=31))
    assert world.settings()["rules"][0]["constraints"][0]["values"] == ["pro"]
