"""What version is where, and what is told over many deployments."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.access.models import User
from controlplane.catalog import services as catalog
from controlplane.lib import clock
from deployments import services
from deployments.models import Deployment, Merge
from deployments.overview import board as boards
from tests import make
from tests.kit import settled
from tests.kit.api import Api
from tests.kit.deployments import World
from tests.kit.released_before import ago, landed, undone

pytestmark = pytest.mark.django_db
PAGE = "/admin/deployments/board/"


@settled.once
def world() -> World:
    return World()


def cell(world: World, where: str, kind: str = "agent") -> boards.Cell:
    found = boards.board(world.workspace)
    [row] = [cells for component, cells in found.rows if component.kind == kind]
    [one] = [each for each in row if each.environment.slug == where]
    return one


def release(one: boards.Cell) -> str:
    return one.deployment.release if one.deployment is not None else ""


def test_runs__what_became_live_last(world: World) -> None:
    landed(world, "1.0.0", ago(days=9))
    newest = landed(world, "1.1.0", ago(days=2))
    one = cell(world, "production")
    assert (release(one), one.since, one.by) == ("1.1.0", newest.deployed_at, world.actor.ref)
    assert release(cell(world, "staging")) == ""


def test_rolled_back__each_component_has_again_what_it_had(world: World) -> None:
    """What the deployment before brought may have been another component."""
    world.component("frontend")
    landed(world, "1.0.0", ago(days=9))
    landed(world, "fe-7", ago(days=5), kinds=("frontend",))
    bad = landed(world, "1.1.0", ago(days=2), kinds=("agent", "frontend"))
    undo = undone(world, bad, ago(days=1))
    agent, front = cell(world, "production"), cell(world, "production", "frontend")
    assert (release(agent), release(front)) == ("1.0.0", "fe-7")
    assert agent.brought_back == undo
    assert agent.since == undo.deployed_at


def test_drift__in_releases_of_the_component(world: World) -> None:
    landed(world, "1.0.0", ago(days=9), where="staging")
    landed(world, "1.0.0", ago(days=8))
    drift = cell(world, "production").drift
    assert drift is not None
    assert drift.same
    for day, name in enumerate(("1.1.0", "1.2.0"), 1):
        landed(world, name, ago(days=8 - day), where="staging")
    bad = landed(world, "1.3.0", ago(days=5), where="staging")
    undone(world, bad, ago(days=4))
    drift = cell(world, "production").drift
    assert drift is not None
    assert (drift.ahead, drift.of, drift.same) == (2, "Staging", False)
    landed(world, "1.0.1", ago(days=3), kind="hotfix", hotfix_trigger="outage")
    drift = cell(world, "production").drift
    assert drift is not None
    assert drift.ahead is None


def test_drift__in_merges_where_they_are_reported(world: World) -> None:
    for number in range(1, 8):
        Merge.objects.create(
            workspace=world.workspace, repository="acme/portal" if number < 7 else "acme/desk",
            number=number, title="x", commit_sha=f"{number}".ljust(40, "a"),
            merged_at=ago(days=20 - number),
        )  # fmt: skip
    landed(world, "1.0.0", ago(days=12), where="staging", commit_sha="2".ljust(40, "a"))
    landed(world, "1.0.0", ago(days=11), commit_sha="2aaaaaaa")
    landed(world, "1.1.0", ago(days=3), where="staging", commit_sha="6".ljust(40, "a"))
    drift = cell(world, "production").drift
    assert drift is not None
    assert (drift.ahead, drift.merges) == (1, 4)
    landed(world, "1.2.0", ago(days=2), where="staging", commit_sha="7".ljust(40, "a"))
    drift = cell(world, "production").drift
    assert drift is not None
    assert (drift.ahead, drift.merges) == (2, None)


@pytest.mark.parametrize("seed", range(4))
def test_runs__as_one_who_did_it_by_hand_would_say(world: World, seed: int) -> None:
    """Releases and rollbacks in any order, of any components."""
    rng = random.Random(seed)
    kinds = ("agent", "frontend", "database")
    for kind in kinds:
        world.component(kind)
    stacks: dict[str, list[Deployment]] = {kind: [] for kind in kinds}
    live: list[Deployment] = []
    for number in range(14):
        at = ago(hours=100 - 3 * number)
        if live and rng.random() < 0.35:
            bad = live.pop()  # what runs is what is rolled back
            undone(world, bad, at)
            for stack in stacks.values():
                if bad in stack:
                    stack.remove(bad)
            continue
        some = tuple(rng.sample(kinds, rng.randint(1, 3)))
        live.append(landed(world, f"1.{number}.0", at, kinds=some))
        for kind in some:
            stacks[kind].append(live[-1])
    rows = {component.kind: cells for component, cells in boards.board(world.workspace).rows}
    for kind, stack in stacks.items():
        [one] = [each for each in rows[kind] if each.environment.slug == "production"]
        assert release(one) == (stack[-1].release if stack else "")


def test_on_its_way__freeze__health(world: World) -> None:
    landed(world, "1.0.0", ago(days=9))
    coming = world.draft("production", release="1.1.0")
    component = world.component("agent")
    service = catalog.register_service(
        world.workspace, actor=make.JOB, slug="agents", name="Agents"
    )
    catalog.change_component(component, actor=make.JOB, service=service)
    probe = catalog.add_probe(service, world.place(), actor=make.JOB)
    services.make_freeze(
        world.workspace, actor=world.actor, title="Quarter", reason="Books.",
        starts_at=ago(hours=1), ends_at=clock.now() + timedelta(hours=5),
        environments=[world.place()],
    )  # fmt: skip
    one = cell(world, "production")
    assert one.on_the_way == [coming]
    assert one.health is not None
    assert (one.health.state, one.health.service) == (probe.health, service)
    found = boards.board(world.workspace)
    by_slug = {place.environment.slug: place for place in found.places}
    assert by_slug["production"].freeze is not None
    assert by_slug["staging"].freeze is None
    assert by_slug["production"].coming == [coming]


def test_started_by__whoever_started_it_and_not_who_planned_it(world: World) -> None:
    row = world.approved("staging")
    lead = world.lead
    services.start(row, actor=lead)
    row = world.do_steps(Deployment.objects.get(pk=row.pk))
    assert cell(world, "staging").by == lead.ref


def test_board__as_many_questions_however_many_deployments(world: World) -> None:
    landed(world, "1.0.0", ago(days=300), where="staging")
    landed(world, "1.0.0", ago(days=299))

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            boards.board(world.workspace)
        return len(captured)

    few = asked()
    for number in range(12):
        landed(world, f"2.{number}.0", ago(days=20 - number), where="staging")
        landed(world, f"2.{number}.0", ago(days=19.5 - number), kinds=("agent", "frontend"))
    assert asked() == few <= 18


# --- Doors --------------------------------------------------------------------------------------


def browser(world: World, *roles: str) -> Client:
    return make.client(make.person(world.workspace, *roles))


def test_page__says_it_in_words(world: World) -> None:
    landed(world, "1.0.0", ago(days=9), where="staging")
    landed(world, "1.1.0", ago(days=2), where="staging")
    landed(world, "1.0.0", ago(days=8))
    page = browser(world, "viewer").get(PAGE).content.decode()
    for words in ("1.1.0", "1.0.0", "1 release behind Staging", "Never deployed"):
        assert words in page


def test_page__without_components__says_what_to_do() -> None:
    page = browser(World(), "viewer").get(PAGE).content.decode()
    assert "There is no component to show" in page


def test_stranger__sees_nothing_of_it(world: World) -> None:
    landed(world, "1.0.0", ago(days=2), title="Unseen by others")
    elsewhere = World()
    for path in (PAGE, "/admin/deployments/log/", "/admin/deployments/calendar/?view=week",
                 "/admin/deployments/dora/?of=frequency", "/admin/deployments/log.md"):  # fmt: skip
        answer = make.client(elsewhere.manager).get(path)
        assert answer.status_code == 200, path
        assert "Unseen by others" not in answer.content.decode(), path
        assert Client().get(path).status_code == 302, path


def test_api__board(world: World) -> None:
    landed(world, "1.0.0", ago(days=2))
    answer = api(world, world.manager).get("/api/v1/deployments/board").json()
    [one] = [row for row in answer["cells"] if row["release"]]
    assert (one["environment"], one["component"], one["release"]) == (
        "production", "agent", "1.0.0",
    )  # fmt: skip
    other = World()
    assert not [row for row in api(other, other.manager).get("/api/v1/deployments/board").json()
                ["cells"] if row["release"]]  # fmt: skip


def api(world: World, user: User) -> Api:
    return Api(browser=make.client(user))
