"""Flags that outlived their use, the terminal, the demo, names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from controlplane.audit.models import AuditEvent
from controlplane.base import demo
from controlplane.lib import clock
from controlplane.work import services as work
from controlplane.work.models import Item
from deployments.flags import services
from deployments.flags.demo import flags as demo_flags
from deployments.flags.models import ChangeRequest, Flag, FlagUsage
from deployments.flags.naming import mission_type_flag
from deployments.flags.services.staleness import find_stale, is_for_everybody
from tests import make
from tests.kit import settled
from tests.kit.flags import World, on, rule

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    return World()


@pytest.fixture
def month_later(world: World) -> Iterator[World]:
    assert world.flag.pk
    with time_machine.travel(clock.now() + timedelta(days=31), tick=False):
        yield world


def asked(world: World, flag: Flag) -> None:
    FlagUsage.objects.create(
        workspace=world.workspace,
        environment=world.state("production", flag).environment,
        flag_name=flag.flag_name,
        app="shop",
        hour=clock.now() - timedelta(days=1),
        yes=1,
    )


def test_stale__never_asked_for_a_month__opens_one_item(month_later: World) -> None:
    world = month_later
    assert find_stale(world.workspace) == {"stale": 1, "no_longer": 0}
    assert find_stale(world.workspace) == {"stale": 0, "no_longer": 0}
    flag = Flag.objects.get(pk=world.flag.pk)
    assert flag.stale_since
    [item] = Item.objects.filter(workspace=world.workspace, title__contains="new-planner")
    assert flag.cleanup == item
    assert "nobody has asked" in item.description


def test_stale__item_first_so_that_a_kill_never_waits_for_it(
    month_later: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure, touched = work.ensure, []

    def watched(*args: Any, **given: Any) -> Any:
        touched.append(Flag.objects.get(pk=month_later.flag.pk).stale_since)
        return ensure(*args, **given)

    monkeypatch.setattr(work, "ensure", watched)
    assert find_stale(month_later.workspace)["stale"] == 1
    assert touched == [None]


def test_stale__in_use_or_permanent__is_not(month_later: World) -> None:
    world = month_later
    asked(world, world.flag)
    assert find_stale(world.workspace)["stale"] == 0
    FlagUsage.objects.all().delete()
    services.change_flag(world.flag, actor=world.actor, permanent=True)
    assert find_stale(world.workspace)["stale"] == 0


def test_stale__on_for_everybody_for_a_month(world: World) -> None:
    world.put(on(rule(100)), "production")
    with time_machine.travel(clock.now() + timedelta(days=31), tick=False):
        asked(world, world.flag)
        assert find_stale(world.workspace)["stale"] == 1
        world.put(on(rule(50)), "production")
        assert find_stale(world.workspace) == {"stale": 0, "no_longer": 1}


def test_stale__past_its_day(world: World) -> None:
    yesterday = clock.now().date() - timedelta(days=1)
    services.change_flag(world.flag, actor=world.actor, remove_by=yesterday)
    assert find_stale(world.workspace)["stale"] == 1
    before = world.revisions()
    services.change_flag(world.flag, actor=world.actor, remove_by=None)
    assert find_stale(world.workspace)["no_longer"] == 1
    assert world.revisions() == {name: value + 1 for name, value in before.items()}


@pytest.mark.parametrize(
    ("document", "everybody"),
    [
        (on(), True),
        (on(rule(100)), True),
        (on(rule(50), rule(100)), True),
        (on(rule(99)), False),
        (on(rule(100, disabled=True)), False),
        (on(rule(100, segments=["eu"])), False),
        (on(allow=["a"]), False),
        (on(deny=["a"]), False),
        ({"on": False}, False),
    ],
)
def test_for_everybody(document: dict[str, Any], everybody: bool) -> None:
    from deployments.flags.forms.settings import clean

    assert is_for_everybody(clean(document)) is everybody


# --- The terminal -------------------------------------------------------------------------------


def test_command__lists_shows_kills_and_enables(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.put(on(rule(10)))
    where = {"workspace": world.workspace.slug}
    call_command("flag", "list", **where)
    assert "on in staging" in capsys.readouterr().out
    call_command("flag", "kill", "new-planner", reason="Errors everywhere.", **where)
    assert "killed: off everywhere" in capsys.readouterr().out
    event = AuditEvent.objects.get(action="flag.kill")
    assert (event.reason, event.source) == ("Errors everywhere.", "command")
    call_command("flag", "enable", "new-planner", **where)
    call_command("flag", "show", "new-planner", **where)
    assert "10 %" in capsys.readouterr().out


def test_command__unclear__is_refused(world: World) -> None:
    for arguments in (["kill"], ["kill", "ghost"], ["show", "ghost"]):
        with pytest.raises(CommandError):
            call_command("flag", *arguments, workspace=world.workspace.slug)
    make.workspace()
    with pytest.raises(CommandError, match="Say which workspace"):
        call_command("flag", "list")
    with pytest.raises(CommandError):
        call_command("flag", "list", workspace="nowhere")


# --- The demo, names ----------------------------------------------------------------------------


def test_demo__tells_of_each_standing(world: World) -> None:
    people = {
        role: make.person(world.workspace, role) for role in ("release_manager", "engineering_lead")
    }
    scene = demo.Scene(world.workspace, people)
    demo_flags(scene)
    demo_flags(scene)
    rows = Flag.objects.of(world.workspace)
    assert rows.killed().count() == 1
    assert rows.filter(stale_since__isnull=False).count() == 1
    assert ChangeRequest.objects.get(workspace=world.workspace).status == "waiting"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("market_research", "mission_type_market_research"),
        ("Market Research / EU", "mission_type_market_research_eu"),
        ("", "mission_type_"),
        ("é", "mission_type_"),
        ("x" * 300, "mission_type_" + "x" * 187),
    ],
)
def test_mission_type__is_named_as_the_playbook_says(kind: str, name: str) -> None:
    assert mission_type_flag(kind) == name
