"""What the governance check asks of changes and of what follows incidents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from controlplane.lib import clock
from deployments.flags import services as flags
from deployments.models import Deployment, MaintenanceWindow
from incidents.models import Incident, ReviewAction
from incidents.records import moving
from incidents.response import acting
from incidents.reviews import acting as following
from incidents.reviews import writing
from missions import governance
from missions.models import Mission
from tests import make
from tests.kit import deployments, maintenance, missions
from tests.kit import incidents as kit
from tests.kit.incidents import Watchroom

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def room() -> Watchroom:
    return Watchroom()


def told(room: Watchroom, rule: str) -> dict[str, str]:
    run = governance.check(room.workspace, actor=make.JOB, scope="active")
    [line] = [each for each in run.rules if each["rule"] == rule]
    assert line["status"] in {"ok", "gaps"}, line
    return {each["about"]: each["text"] for each in line["found"]}


def test_changes__rest_on_a_work_item_or_a_runbook(room: Watchroom) -> None:
    world = deployments.World(room.workspace)
    row = world.prepared()
    window = maintenance.World(room.workspace).scheduled()
    incident = room.quiet()
    flag = flags.create_flag(room.workspace, "planner", actor=make.JOB)
    flags.kill(flag, actor=make.JOB, reason="It fails.", item=str(row.item and row.item.key))
    assert told(room, "G13") == {}
    Deployment.objects.filter(pk=row.pk).update(item=None)
    MaintenanceWindow.objects.filter(pk=window.pk).update(item=None)
    Incident.objects.filter(pk=incident.pk).update(item=None)
    flags.enable(flag, actor=make.JOB, reason="It is well.")
    assert told(room, "G13") == {
        "deployments": f"Deployed for no work item: {row.ref}.",
        "windows": f"Worked on for no work item: {window.ref}.",
        "incidents": f"Neither a work item nor a runbook: {incident.ref}.",
        "flags": "Switched for no work item: planner.",
    }
    Incident.objects.filter(pk=incident.pk).update(runbook="postgres_pool")
    assert "incidents" not in told(room, "G13")
    assert told(Watchroom(), "G13") == {}  # nobody is told of another workspace's


def test_follow_up__names_what_is_late_and_what_nobody_owns(room: Watchroom) -> None:
    row = kit.over(room)
    review = kit.written(row)
    made = following.add_action(review, actor=make.JOB, kind="prevention", title="Look twice",
                                due_on=NOON.date())  # fmt: skip
    ReviewAction.objects.exclude(pk=made.pk).update(owner=room.lead)
    world = deployments.World(room.workspace)
    given: dict[str, Any] = deployments.HOTFIX
    fix = world.draft("production", kind="hotfix", **given)
    assert told(room, "G14") == {"owners": f"Actions that nobody owns, of: {row.ref}."}
    later = clock.now() + timedelta(days=9)
    Deployment.objects.filter(pk=fix.pk).update(docs_due_at=later)
    with time_machine.travel(later + timedelta(days=30), tick=False):
        assert told(room, "G14") == {
            "owners": f"Actions that nobody owns, of: {row.ref}.",
            "reviews": f"The review is late: {row.ref}.",
            "hotfixes": f"The documentation is late: {fix.ref}.",
            "actions": f"Actions past their day, of: {row.ref}.",
        }
        for action in review.actions.all():
            following.change_action(
                action, actor=make.JOB, owner=room.lead, due_on=clock.now().date()
            )
        writing.publish_review(review, actor=make.JOB)
        assert set(told(room, "G14")) == {"hotfixes"}


def test_paused__for_an_incident_that_is_over_is_named(room: Watchroom) -> None:
    world = missions.World(room.workspace)
    mission: Any = world.started()
    row = room.quiet()
    acted = acting.act(row, "pause_missions", "all", actor=make.JOB, reason="It writes twice.")
    assert acted.status == "done", acted.result
    assert Mission.objects.get(pk=mission.pk).status == "paused"
    assert mission.ref not in told(room, "G9")
    moving.resolve(Incident.objects.get(pk=row.pk), actor=make.JOB, reason="Over.")
    assert told(room, "G9")[mission.ref].startswith(f"Paused for {row.ref}, which is over")
    acting.take_back(acted, actor=make.JOB, reason="It is well.")
    assert mission.ref not in told(room, "G9")
