"""After a deployment as many events come in as at the same hour of other weeks."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from controlplane.lib import clock
from controlplane.lib.errors import Conflict
from deployments import services
from deployments.gates.looking import Look
from deployments.gates.reports import ingestion
from deployments.models import Deployment
from telemetry import rollups
from tests.kit.deployments import World
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db
HALF = timedelta(minutes=30)


@pytest.fixture
def live() -> datetime:
    """A day ago at noon: what came in since then is reported already."""
    return (clock.now() - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)


def brought(world: World, live: datetime) -> Deployment:
    row = world.draft("local")
    row.deployed_at = live
    return row


def came(world: World, at: datetime, number: int) -> None:
    tell(world.workspace, [event("request_completed", at=at) for _ in range(number)])
    rollups.settle()


def after(row: Deployment, live: datetime, wait: timedelta = HALF) -> str:
    return ingestion(Look(row, now=live + wait)).state


def test_gate__waits_refuses_and_passes(live: datetime) -> None:
    world = World()
    row = brought(world, live)
    assert after(row, live, timedelta(minutes=1)) == "waiting"
    assert after(row, live) == "not_applicable", "nothing is known of other weeks"
    for week in (1, 2, 3):
        came(world, live - timedelta(weeks=week) + timedelta(minutes=5), 60)
    assert after(row, live) == "failed", "nothing comes any more"
    came(world, live + timedelta(minutes=5), 30)
    assert after(row, live) == "passed"
    came(world, live + timedelta(minutes=6), 300)
    assert after(row, live) == "failed", "something is stuck and repeats itself"


def test_gate__of_another_workspace__counts_nothing(live: datetime) -> None:
    world, other = World(), World()
    for week in (1, 2, 3):
        came(other, live - timedelta(weeks=week) + timedelta(minutes=5), 60)
    assert after(brought(world, live), live) == "not_applicable"


def test_gate__nobody_ticks_what_is_measured() -> None:
    world = World()
    row = world.verifying("staging")
    services.look_at_gates(row, phase="after")
    with pytest.raises(Conflict):
        services.tick_gate(world.gate(row, "ingestion"), actor=world.lead)
