"""A mission that says nothing for too long is told of once, and let be when it is heard again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from controlplane.lib import clock
from controlplane.work import services as work
from controlplane.work.models import Item
from missions import services
from missions.services import stuck
from tests import make
from tests.kit import settled
from tests.kit.missions import again
from tests.kit.missions_plans import World

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    made = World()
    made.planner, made.oc, made.executor  # noqa: B018
    return made


def test_stuck__told_once_and_closed_when_it_is_heard(world: World) -> None:
    run = world.run()
    quiet = world.executing()
    with time_machine.travel(clock.now() + timedelta(minutes=29), tick=False) as at:
        world.report(run, {"external_id": "a", "status": "running"})
        at.shift(timedelta(minutes=2))
        assert stuck.look_for_stuck() == {"silent": 1, "told": 1, "heard_again": 0}
        assert stuck.look_for_stuck() == {"silent": 1, "told": 0, "heard_again": 0}
        item = Item.objects.get(ensure_key__startswith=stuck.KEY)
        assert quiet.ref in item.title
        world.run(quiet)
        assert stuck.look_for_stuck() == {"silent": 0, "told": 0, "heard_again": 1}
        item.refresh_from_db()
        assert item.category == "done"
        at.shift(timedelta(minutes=31))
        services.pause_mission(again(quiet), actor=world.oc, reason="Wait.")
        assert stuck.look_for_stuck()["silent"] == 1  # the other one; what is held may be silent


def test_stuck__closed_by_somebody__comes_with_the_next_silence(world: World) -> None:
    quiet = world.executing()
    with time_machine.travel(clock.now() + timedelta(minutes=31), tick=False) as at:
        assert stuck.look_for_stuck()["told"] == 1
        item = Item.objects.get(ensure_key__startswith=stuck.KEY)
        work.close_item(item, actor=make.JOB, reason="We know.", force=True)
        assert stuck.look_for_stuck() == {"silent": 1, "told": 0, "heard_again": 0}
        services.pause_mission(again(quiet), actor=world.oc, reason="Wait.")
        at.shift(timedelta(hours=3))
        services.resume_mission(again(quiet), actor=world.oc, reason="Go on.")
        assert stuck.look_for_stuck()["silent"] == 0  # it goes on since this moment
        at.shift(timedelta(minutes=31))
        assert stuck.look_for_stuck() == {"silent": 1, "told": 1, "heard_again": 0}


def test_stuck__more_than_one_look_tells_of(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stuck, "MOST", 1)
    for _ in range(2):
        world.executing()
    with time_machine.travel(clock.now() + timedelta(minutes=31), tick=False):
        for told in (1, 1, 0):
            assert stuck.look_for_stuck() == {"silent": 2, "told": told, "heard_again": 0}


def test_stuck__one_that_cannot_be_told_of__keeps_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = world.executing(), world.executing()
    really = stuck.tell_stuck

    def tell(visit: Any) -> int:
        if visit.mission_id == bad.pk:
            raise RuntimeError("its item cannot be made")
        return really(visit)

    monkeypatch.setattr(stuck, "tell_stuck", tell)
    with time_machine.travel(clock.now() + timedelta(minutes=31), tick=False):
        assert stuck.look_for_stuck() == {"silent": 2, "told": 1, "heard_again": 0}
    assert good.ref in Item.objects.get(ensure_key__startswith=stuck.KEY).title


def test_stuck__while_it_is_taken_back__it_is_heard(world: World) -> None:
    run = world.changed()
    undo = world.undo(run)
    with time_machine.travel(clock.now() + timedelta(minutes=31), tick=False):
        world.tries(undo, (2, "failed"))
        assert stuck.look_for_stuck()["silent"] == 0


def test_stuck__stands_in_the_list_until_it_is_heard(world: World) -> None:
    run, quiet = world.run(), world.executing()
    with time_machine.travel(clock.now() + timedelta(minutes=29), tick=False) as at:
        world.report(run, {"external_id": "a", "status": "running"})
        at.shift(timedelta(minutes=2))
        path = "/admin/missions/mission/?standing=stuck"
        shown = make.client(make.person(world.workspace, "workspace_admin")).get(path)
        assert quiet.ref in shown.content.decode()
        assert run.mission.ref not in shown.content.decode()
        stranger = make.client(make.person(make.workspace(), "workspace_admin")).get(path)
        assert quiet.ref not in stranger.content.decode()
