"""Locate or create: `bd`, the API and the console find one work item for a release."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.work import services as work
from controlplane.work.models import Item
from deployments import services
from deployments.models import Deployment
from tests import make
from tests.kit import beads
from tests.kit.deployments import World, there
from tests.kit.settled import once

pytestmark = pytest.mark.django_db
RELEASE = "2025.10.16"
KEY = f"deployment:production:{RELEASE}"


@once
def world() -> World:
    return World()


def planned(world: World, where: str = "production", release: str = RELEASE) -> Deployment:
    found = services.ensure_deployment(
        world.workspace, actor=world.actor, environment=world.place(where), release=release
    )
    return found.deployment


def by_hand(world: World, title: str, **given: Any) -> Item:
    project = work.ensure_operations_project(world.workspace, actor=make.JOB)
    values: dict[str, Any] = {"labels": ["ops", "deployment"], **given}
    return work.create_item(project, actor=make.JOB, title=title, **values)


def test_item_made_with_bd__is_the_deployments(world: World) -> None:
    for title, where in (
        (f"Deploy {RELEASE} to production", "production"),
        (f"deploy {RELEASE} to Staging", "staging"),
    ):
        item = by_hand(world, title)
        work.update_item(item, actor=make.JOB, status="in_progress")
        assert planned(world, where).item == item
    before = by_hand(world, "Deploy 2.0")  # before any environment is touched: production is meant
    assert planned(world, "staging", "2.0").item != before
    assert planned(world, "production", "2.0").item == before


def test_item_of_something_else__is_left_alone(world: World) -> None:
    other = (
        by_hand(world, f"Deploy {RELEASE} to production", labels=["ops"]),
        by_hand(world, f"Deploy {RELEASE}.1 to production"),
        by_hand(world, f"Deploy {RELEASE} to production soon"),
    )
    closed = by_hand(world, f"Deploy {RELEASE} to production")
    work.close_item(closed, actor=make.JOB, reason="Not this week.")
    foreign = by_hand(World(), f"Deploy {RELEASE} to production")
    row = planned(world)
    assert row.item not in (*other, closed, foreign)
    assert there(row.item).ensure_key == KEY


def test_item__belongs_to_one_deployment(world: World) -> None:
    item = by_hand(world, f"Deploy {RELEASE} to production")
    row = planned(world)
    assert row.item == item
    services.cancel(row, actor=world.actor, reason="Another day.")
    again = planned(world)
    assert (again.pk != row.pk, again.item) == (True, item)  # nobody closed it yet


class TestBd:
    @pytest.fixture
    def bd(self, world: World) -> beads.Bd:
        return beads.agent(world.workspace)

    def test_ensure__by_the_deployments_key__both_ways(self, world: World, bd: beads.Bd) -> None:
        made = bd("ensure", key=KEY, title=f"Deploy {RELEASE}", labels=["ops", "deployment"])
        assert there(planned(world).item).key == made["id"]
        other = planned(world, release="2.1")
        found = bd("ensure", key="deployment:production:2.1", title="Whatever")
        assert (found["id"], found["created"]) == (there(other.item).key, False)

    def test_ready_queue__shows_what_was_planned_here(self, world: World, bd: beads.Bd) -> None:
        row = planned(world)
        rows = bd("ready", labels=["ops"])
        assert [each["id"] for each in rows if "Deploy" in each["title"]] == [there(row.item).key]

    def test_stranger__adopts_nothing(self, world: World) -> None:
        by_hand(world, f"Deploy {RELEASE} to production")
        other = World()
        assert there(planned(other).item).workspace_id == other.workspace.pk
