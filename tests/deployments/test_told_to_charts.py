"""What the portal itself changes is told to telemetry: charts mark it, and rules hear it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.notify import outbox
from controlplane.notify.models import OutboxMessage
from deployments import services
from deployments.canary import services as canary
from deployments.flags import services as flags
from deployments.maintenance import services as upkeep
from telemetry import rollups, telling
from telemetry.models import Event
from telemetry.rules.shipped import RULES
from tests import make
from tests.kit import sdk
from tests.kit.deployments import World
from tests.kit.maintenance import World as Upkeep
from tests.kit.rollouts import World as Canary

pytestmark = pytest.mark.django_db


def deliver() -> None:
    for _ in range(6):
        outbox.send_due()


def told(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    deliver()
    rows = Event.objects.filter(workspace_id=workspace.pk, event_type=name).order_by("occurred_at")
    return list(rows.values_list("context", flat=True))


def test_deployment__its_beginning_and_its_end() -> None:
    world = World()
    row = world.started("local")
    [begun] = told(world.workspace, "deployment_started")
    assert (begun["deployment"], begun["environment"]) == (row.ref, "local")
    services.give_up(row, actor=world.actor, reason="It does not start.")
    [over] = told(world.workspace, "deployment_completed")
    assert over["outcome"] == "failed"
    assert Event.objects.get(event_type="deployment_completed").status == "error"


def test_flag__each_change_once_with_its_rule() -> None:
    workspace = make.workspace()
    flag = sdk.flag(workspace, "new-planner")
    flags.kill(flag, actor=make.JOB, reason="It loops.")
    found = told(workspace, "feature_flag_changed")
    assert {"flag": "new-planner", "change": "kill"} in [
        {"flag": each["flag"], "change": each["change"]} for each in found
    ]
    before = len(found)
    deliver()
    assert len(told(workspace, "feature_flag_changed")) == before
    assert not told(make.workspace(), "feature_flag_changed")
    # What the shipped rule reads of it.
    rollups.settle()
    assert RULES["flag-change"]["measure"] == "flags.changes"


def test_canary__each_step_and_its_way_back() -> None:
    world = Canary()
    rollout = world.running()
    [begun] = told(world.workspace, "rollout_stage_promoted")
    assert (begun["rollout"], begun["from_stage"], begun["to_stage"]) == (
        rollout.ref, "0 %", "10 %"
    )  # fmt: skip
    canary.roll_back(rollout, actor=world.actor, reason="Users complain.")
    [back] = told(world.workspace, "rollout_rolled_back")
    assert back["flag"] == rollout.flag.flag_name


def test_maintenance__its_beginning_and_its_end() -> None:
    world = Upkeep()
    row = world.emergency()
    window = upkeep.start(world.sign_window(row), actor=world.actor)
    assert [each["window"] for each in told(world.workspace, "maintenance_started")] == [window.ref]
    upkeep.finish(window, actor=world.actor)
    assert [each["window"] for each in told(world.workspace, "maintenance_completed")] == [
        window.ref
    ]


def test_same_key_twice__is_told_once_and_what_is_empty_is_left_out() -> None:
    workspace = make.workspace()
    for _ in range(2):
        said = {"window": "MNT-1", "reason": ""}
        telling.tell(workspace.pk, "maintenance_started", said, key="maintenance:1")
    assert told(workspace, "maintenance_started") == [{"window": "MNT-1"}]
    # Another workspace hears nothing of it.
    assert not told(make.workspace(), "maintenance_started")


def test_change__told_after_its_day_was_closed__is_no_dead_letter() -> None:
    """After a long outage, or of a past that is told today: it is refused, counted, and over."""
    workspace = make.workspace()
    telling.tell(workspace.pk, "deployment_started", {"deployment": "DEP-1"}, key="late")
    message = OutboxMessage.objects.get(topic=telling.TOPIC, workspace=workspace)
    message.created_at -= timedelta(days=400)
    assert telling.tell_telemetry(message).kind == "suppressed"
    assert not Event.objects.filter(workspace_id=workspace.pk).exists()
