"""Tools that agents found out about: for an hour, in one workspace, gone with what changes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from controlplane.base import cache
from controlplane.catalog import services as catalog
from controlplane.catalog.models import Integration
from controlplane.lib.errors import Invalid, NotAllowed
from deployments.flags import services as flags
from missions.services import discoveries
from tests import make
from tests.kit import settled
from tests.kit.guarding import World
from tests.missions.test_api import Api

pytestmark = pytest.mark.servers
DRAFTS = "Draft a mail"
TOOLS = [{"tool": "GMAIL_CREATE_DRAFT", "toolkit": "gmail", "detail": "Makes a draft."}]


@settled.once
def world() -> World:
    here = World()
    assert here.agent("planner").ref
    here.integration("mail")
    return here


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    cache.wake()
    cache._forget("tools:")
    yield
    cache.wake()


def ask(world: World, *questions: str) -> discoveries.Asked:
    return discoveries.ask(world.workspace, questions or (DRAFTS,), actor=world.agent("planner"))


def bring(world: World, seen: str, tools: Any = TOOLS, question: str = DRAFTS) -> int:
    return discoveries.bring(
        world.workspace,
        [{"question": question, "tools": tools}],
        actor=world.agent("planner"),
        seen=seen,
    )


def known(world: World) -> Any:
    return ask(world).answers[0].tools


def counted(result: str) -> float:
    labels = {"family": "tools", "result": result}
    return REGISTRY.get_sample_value("controlplane_cache_lookups_total", labels) or 0.0


def test_question__open_until_somebody_finds_out_then_known_to_all(world: World) -> None:
    asked = ask(world, DRAFTS, "Tag accounts")
    assert [each.tools for each in asked.answers] == [None, None]
    assert bring(world, asked.seen) == 1
    other = discoveries.ask(
        world.workspace, ["draft  a MAIL", "Tag accounts"], actor=world.agent("executor")
    )
    assert [each.tools for each in other.answers] == [TOOLS, None]


def test_answer__lasts_an_hour(world: World) -> None:
    assert cache.TOOL_DISCOVERY.value == 3_600
    bring(world, ask(world).seen)
    key = cache._name(discoveries._key(world.workspace.pk, DRAFTS))
    left = cache._ask(lambda client: client.ttl(key))
    assert 3_590 < left <= 3_600


def test_nothing_found__is_an_answer_too(world: World) -> None:
    bring(world, ask(world).seen, tools=[])
    assert known(world) == []


@pytest.mark.parametrize("change", ["integration", "switched", "toolkit", "connection", "flag"])
def test_change__forgets_and_refuses_what_was_found_before(
    world: World, change: str, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        kit = world.toolkit(world.started(), "mail")
        world.inspected(kit)
        world.approved(kit)
    seen = ask(world).seen
    bring(world, seen)
    with django_capture_on_commit_callbacks(execute=True):
        _change(world, change, kit)
        assert known(world) == TOOLS  # not before it is there
    assert known(world) is None
    assert bring(world, seen) == 0
    assert bring(world, ask(world).seen) == 1


def _change(world: World, change: str, kit: Any) -> None:
    mail = Integration.objects.get(workspace=world.workspace, slug="mail")
    if change == "integration":
        catalog.change_integration(mail, actor=make.JOB, name="Mail of the house")
    elif change == "switched":
        catalog.switch_integration(mail, actor=make.JOB, active=False)
    elif change == "toolkit":
        world.toolkit(kit.mission, "crm")
    elif change == "connection":
        world.connected(kit)
    else:
        flags.create_flag(world.workspace, "new-tools", actor=world.someone("release_manager"))


def test_other_workspace__knows_nothing_and_keeps_what_it_knows(
    world: World, django_capture_on_commit_callbacks: Any
) -> None:
    other = World()
    bring(world, ask(world).seen)
    assert known(other) is None
    with django_capture_on_commit_callbacks(execute=True):
        other.integration("mail")
    assert known(world) == TOOLS


def test_no_server__every_question_is_open(world: World, settings: Any) -> None:
    bring(world, ask(world).seen)
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    before = counted("away")
    asked = ask(world)
    assert (asked.answers[0].tools, asked.seen) == (None, "")
    assert bring(world, asked.seen) == 0
    assert counted("away") == before + 1


def test_asked__is_counted(world: World) -> None:
    hits, misses = counted("hit"), counted("miss")
    bring(world, ask(world).seen)
    assert known(world) == TOOLS
    assert (counted("hit") - hits, counted("miss") - misses) == (1, 1)


def test_secrets__are_not_kept(world: World) -> None:
    bring(world, ask(world).seen, tools=[{**TOOLS[0], "detail": "password=hunter2hunter2"}])
    assert "hunter2" not in str(known(world))


def test_too_much__is_refused(world: World) -> None:
    for questions in ([], ["x"] * 21, ["x" * 301], [" "]):
        with pytest.raises(Invalid):
            discoveries.ask(world.workspace, questions, actor=world.agent("planner"))
    with pytest.raises(Invalid):
        bring(world, "1", tools=[TOOLS[0]] * 51)
    with pytest.raises(Invalid):
        bring(world, "later")


def test_door__agents_of_the_workspace(world: World) -> None:
    api = Api(world, role="planner")
    asked = api.ok("POST", "missions/discoveries", {"questions": [DRAFTS]})
    assert asked["answers"] == [{"question": DRAFTS, "tools": None}]
    found = {"seen": asked["seen"], "found": [{"question": DRAFTS, "tools": TOOLS}]}
    assert api.ok("PUT", "missions/discoveries", found) == {"kept": 1}
    again = api.ok("POST", "missions/discoveries", {"questions": [DRAFTS]})
    assert again["answers"][0]["tools"] == TOOLS
    stranger = Api(World(), role="planner").ok(
        "POST", "missions/discoveries", {"questions": [DRAFTS]}
    )
    assert stranger["answers"][0]["tools"] is None


def test_people_and_strangers__do_not_ask(world: World) -> None:
    for actor in (world.actor, World().agent("planner")):
        with pytest.raises(NotAllowed):
            discoveries.ask(world.workspace, [DRAFTS], actor=actor)
        with pytest.raises(NotAllowed):
            discoveries.bring(
                world.workspace, [{"question": DRAFTS, "tools": []}], actor=actor, seen="0"
            )
