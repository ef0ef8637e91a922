"""A safeguard that stops a mission while it executes: whether to take back what it changed is asked
of Operations Command, with the time that is left."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.base.models import Signal
from controlplane.lib.errors import NotAllowed
from controlplane.notify.models import InboxItem, Notification
from missions import links, services
from missions.models import Finding, Mission, Run, UndoPlan
from missions.services import undo_plans, undoing, violations
from tests.kit import settled
from tests.kit.missions import again
from tests.kit.missions_plans import World

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    made = World()
    assert made.planner.ref
    assert made.oc.ref
    assert made.executor.ref
    return made


def found(world: World, row: Mission) -> Finding:
    said: dict[str, Any] = {
        "external_id": "check-1", "result": "failed", "severity": "high",
        "message": "Two mails were sent unread.",
    }  # fmt: skip
    return services.report_finding(row, actor=world.agent("validator"), **said).finding


def description(finding: Finding) -> str:
    violation = finding.violation
    assert violation is not None
    assert violation.item is not None
    return str(violation.item.description)


def plan_of(run: Run) -> UndoPlan:
    found: UndoPlan = UndoPlan.objects.select_related("play__mission").get(play=run.play_id)
    return found


def test_changed_something__asked_whether_to_take_it_back(world: World) -> None:
    run = world.changed()
    row = again(run.mission)
    finding = found(world, row)
    assert again(row).status == "paused"
    until = plan_of(run).deadline_at
    assert until is not None
    wanted = f"can be taken back in 2 steps until {until:%Y-%m-%d %H:%M} UTC"
    assert wanted in description(finding)
    assert f"{links.plan_page(row)}#undo" in description(finding)
    news = Signal.objects.get(kind=violations.SIGNAL, workspace_id=world.workspace.pk)
    assert wanted in news.payload["way_back"]
    told = Notification.objects.get(kind="mission.safeguard")
    assert wanted in told.body
    assert InboxItem.objects.filter(notification=told, user=world.oc.user_id).exists()


def test_changed_nothing__there_is_nothing_to_decide(world: World) -> None:
    finding = found(world, world.run().mission)
    assert "taken back" not in description(finding)


def test_time_is_over__it_is_not_offered(world: World) -> None:
    run = world.changed()
    undo_plans.close_undo(plan_of(run), actor=world.oc, reason="It stays.")
    assert "taken back" not in description(found(world, again(run.mission)))


def test_decision__is_not_of_who_found_it(world: World) -> None:
    run = world.changed()
    found(world, again(run.mission))
    for actor in (world.agent("validator"), World().oc):
        with pytest.raises(NotAllowed):
            undoing.request_undo(plan_of(run), actor=actor, reason="It was wrong.")
    assert undoing.request_undo(plan_of(run), actor=world.oc, reason="It was wrong.").pk
