"""What a watch reads of telemetry: shares, of the deployment's environment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from controlplane.lib import clock
from deployments.watch import snapshots
from telemetry import rollups
from tests.kit import settled, telemetry
from tests.kit.deployments import World, again, fire, there

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@settled.once
def world() -> World:
    return World()


def asked(world: World, count: int, **fields: Any) -> None:
    """Requests that were answered, a minute from now."""
    told: dict[str, Any] = {"status": "success", "context": {"duration_ms": 50}, **fields}
    at = clock.now() + timedelta(minutes=1)
    event = telemetry.event("request_completed", at=at, count=count, **told)
    telemetry.tell(world.workspace, [event])


def test_watch__is_of_its_environment_and_of_what_names_none(world: World) -> None:
    row = world.watched("staging")
    asked(world, 400, env="staging")
    asked(world, 100)
    asked(world, 5, status="error", env="staging")
    asked(world, 500, status="error", env="production")
    with time_machine.travel(there(row.monitor_until) + timedelta(seconds=1), tick=False):
        rollups.settle()
        fire()
    row = again(row)
    assert row.verdict == "healthy", row.verdict_words
    figures = there(snapshots.newest(row, "after")).figures
    assert figures["requests"] == 505
    assert figures["error_rate"] == pytest.approx(5 / 505)


def test_watch__of_an_environment_that_breaks_under_anothers_traffic__is_degraded(
    world: World,
) -> None:
    row = world.watched("staging")
    asked(world, 60, env="staging")
    asked(world, 3, status="error", env="staging")
    asked(world, 10_000, env="production")
    with time_machine.travel(clock.now() + timedelta(minutes=6), tick=False):
        rollups.settle()
        fire()
    row = again(row)
    assert row.verdict == "degraded"
    assert "4.8% of requests fail" in row.verdict_words


def test_snapshot__without_a_deployment_is_of_all_places(world: World) -> None:
    asked(world, 10, env="staging")
    asked(world, 20, env="production")
    telemetry.tell(World().workspace, [telemetry.event("request_completed", env="staging")])
    end = clock.now() + timedelta(minutes=3)
    rollups.settle()
    found = snapshots.figures(world.workspace.pk, clock.now() - timedelta(minutes=5), end)
    assert found["requests"] == 30
