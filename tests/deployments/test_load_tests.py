"""A release of the largest tier rests on the quarter's load test."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from controlplane.jobs import obligations
from controlplane.jobs.models import ObligationRecord
from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError, Invalid
from deployments import services
from deployments.gates.load_tests import DUTY
from deployments.models import Gate
from tests import make
from tests.kit.deployments import World

pytestmark = pytest.mark.django_db
REPORT = "https://bench.example.org/7"


@pytest.fixture
def world() -> World:
    return World()


def owed(world: World) -> ObligationRecord:
    obligations.open_due()
    return ObligationRecord.objects.get(
        obligation__workspace=world.workspace, obligation__slug=DUTY
    )


def recorded(world: World) -> ObligationRecord:
    actor = world.someone("sre_liaison")
    note = "500 at once: p95 180 ms, no error."
    return obligations.fulfil(owed(world), actor=actor, note=note, evidence_url=REPORT)


def looked(world: World, row: Any) -> Gate:
    services.look_at_gates(row)
    return world.gate(row, "load-test")


def test_duty__each_quarter_of_the_sre_liaison(world: World) -> None:
    record = owed(world)
    assert (record.obligation.cadence, record.obligation.owner_role) == ("quarterly", "sre_liaison")


def test_tier_three__asks_for_it_and_finds_it_recorded(world: World) -> None:
    row = world.prepared("production", tier=3)
    assert looked(world, row).state == Gate.State.WAITING
    done = recorded(world)
    gate = looked(world, row)
    assert gate.state == Gate.State.PASSED
    assert gate.evidence[0]["label"] == str(done.ref)
    browser = make.client(world.manager)
    assert browser.get(gate.evidence[0]["link"]).status_code == 200


def test_one_of_the_quarter_before__says_nothing(world: World) -> None:
    recorded(world)
    with time_machine.travel(clock.now() + timedelta(days=93), tick=False):
        row = world.prepared("production", tier=3)
        assert looked(world, row).state == Gate.State.WAITING


def test_of_another_workspace__is_not_ours(world: World) -> None:
    recorded(World())
    row = world.prepared("production", tier=3)
    assert looked(world, row).state == Gate.State.WAITING


def test_somebody_says_so__with_its_report(world: World) -> None:
    gate = looked(world, world.prepared("production", tier=3))
    with pytest.raises(Invalid):
        services.tick_gate(gate, actor=world.actor)
    evidence = [{"label": "Report", "link": REPORT}]
    ticked = services.tick_gate(gate, actor=world.actor, evidence=evidence)
    assert ticked.state == Gate.State.PASSED


def test_smaller_ones_and_staging__need_none(world: World) -> None:
    for row in (world.prepared("production"), world.prepared("staging", tier=3, release="9.9.9")):
        assert not row.gates.filter(slug="load-test").exists()


def test_stranger__says_nothing_of_ours(world: World) -> None:
    gate = looked(world, world.prepared("production", tier=3))
    evidence = [{"label": "Report", "link": REPORT}]
    for actor in (World().actor, world.someone("viewer")):
        with pytest.raises(ControlPlaneError):
            services.tick_gate(gate, actor=actor, evidence=evidence)
    with pytest.raises(ControlPlaneError):
        obligations.fulfil(owed(world), actor=World().someone("sre_liaison"), note="Mine.")
