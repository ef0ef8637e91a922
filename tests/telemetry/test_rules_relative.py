"""Rules that compare with what is usual: with the hours before, and with the same hour of the
week."""

from __future__ import annotations

import pytest

from telemetry import rollups
from telemetry.rules import services as rules
from tests.kit.rules import World
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    rules.adopt()
    return World(monkeypatch)


# --- What is usual ----------------------------------------------------------------------------


def requests(world: World, ms: float, number: int = 100) -> None:
    told = event(
        "request_completed", at=world.now, context={"duration_ms": ms}, count=number, service="web"
    )
    tell(world.workspace, [told])
    rollups.settle()


def test_relative__above_twice_the_median__and_never_below_the_floor(world: World) -> None:
    for _ in range(3):
        requests(world, 300)
        world.passes(86_400)
    world.rule(
        measure="requests.p95", against="median", multiple=2.0, threshold=None, floor=500.0, for_s=0
    )
    requests(world, 550)
    world.look()
    assert world.status() == "ok"  # over 500 ms, not over twice 300 ms
    world.passes(600)
    requests(world, 700)
    world.look()
    assert world.status() == "firing"
    threshold = world.state().threshold
    assert threshold is not None
    assert 580 < threshold < 620


def test_relative__nothing_to_compare_with__the_floor_alone(world: World) -> None:
    world.rule(
        measure="requests.p95", against="median", multiple=2.0, threshold=None, floor=500.0, for_s=0
    )
    requests(world, 450)
    world.look()
    assert world.status() == "ok"
    requests(world, 900)
    world.passes(15)
    world.look()
    assert world.status() == "firing"


def test_relative__without_a_floor__waits_for_a_past(world: World) -> None:
    world.rule(measure="requests.p95", against="median", multiple=2.0, threshold=None, for_s=0)
    requests(world, 90_000)
    world.look()
    assert world.status() == "no_data"
    assert "nothing to compare" in world.state().note


def test_traffic__against_the_same_hour_of_the_week(world: World) -> None:
    world.passes(-21 * 86_400)
    for _ in range(3):
        requests(world, 10, 6_000)
        world.passes(7 * 86_400)
    world.rule(
        measure="requests.per_second",
        against="weekday_hour",
        multiple=2.0,
        threshold=None,
        for_s=0,
        window_s=600,
    )
    requests(world, 10, 1_500)
    world.passes(90)
    world.look()
    assert world.status() == "ok"  # 2.5 a second; usual is 1.7
    requests(world, 10, 1_500)
    world.passes(90)
    world.look()
    assert world.status() == "firing"


def test_an_hour_before__is_compared_with(world: World) -> None:
    world.rule(measure="quota.used", against="hour_before", multiple=1.3, threshold=None, for_s=0)
    world.gauge("quota_used_percent", 20, "mail")
    world.look()
    assert world.status() == "no_data"
    world.passes(3600)
    world.gauge("quota_used_percent", 27, "mail")
    world.look()
    assert world.status() == "firing"
