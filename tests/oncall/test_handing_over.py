"""Notices at hand-over, the word the day before, gaps: told once, also after hours without a
worker, and never of what is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from controlplane.access import services as access
from controlplane.access.models import Workspace
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.notify.models import Notification
from controlplane.oncall import services, tasks
from controlplane.oncall.services import promises
from tests import make
from tests.kit import oncall

pytestmark = pytest.mark.usefixtures("noon")
MONDAY = datetime(2026, 11, 9, 8, tzinfo=UTC)


def due(kind: str) -> list[datetime]:
    rows = Timer.objects.filter(kind=kind, state="waiting").order_by("due_at")
    return list(rows.values_list("due_at", flat=True))


def fire(kind: str) -> None:
    """Its handler, as the engine calls it; the engine itself is tested with the jobs."""
    timer = Timer.objects.get(kind=kind)
    timers.HANDLERS[kind](timer)


def told(kind: str) -> list[str]:
    rows = Notification.objects.filter(kind=kind).order_by("id")
    return [
        ", ".join(sorted({one.user.name for one in row.deliveries.all() if one.user}))
        for row in rows
    ]


def test_hand_over__tells_both_and_promises_the_next(
    here: Workspace, noon: time_machine.Traveller
) -> None:
    oncall.layer(oncall.schedule(here), oncall.people(here, "Ann", "Bob"))
    assert due(promises.HAND_OVER) == [MONDAY]
    assert due(promises.HEADS_UP) == [MONDAY - timedelta(days=1)]
    noon.move_to(MONDAY - timedelta(days=1))
    fire(promises.HEADS_UP)
    noon.move_to(MONDAY)
    fire(promises.HAND_OVER)
    assert (told("oncall.next"), told("oncall.on"), told("oncall.off")) == (
        ["Bob"], ["Bob"], ["Ann"],
    )  # fmt: skip
    assert due(promises.HAND_OVER) == [MONDAY + timedelta(days=7)]


def test_hand_over__twice__tells_once(here: Workspace, noon: time_machine.Traveller) -> None:
    oncall.layer(oncall.schedule(here), oncall.people(here, "Ann", "Bob"))
    timer = Timer.objects.get(kind=promises.HAND_OVER)
    noon.move_to(MONDAY)
    for _ in range(2):
        timers.HANDLERS[promises.HAND_OVER](timer)
    assert told("oncall.on") == ["Bob"]


def test_hand_over__weeks_late__tells_who_is_on_duty_by_then(
    here: Workspace, noon: time_machine.Traveller
) -> None:
    oncall.layer(oncall.schedule(here), oncall.people(here, "Ann", "Bob", "Cid"))
    noon.move_to(MONDAY + timedelta(days=8))
    fire(promises.HAND_OVER)
    assert (told("oncall.on"), told("oncall.off")) == (["Cid"], ["Ann"])


def test_turns_of_one_person__are_no_hand_over(here: Workspace) -> None:
    oncall.layer(oncall.schedule(here), oncall.people(here, "Ann"))
    assert due(promises.HAND_OVER) == []


def test_swap__moves_the_promise(here: Workspace) -> None:
    schedule = oncall.schedule(here)
    ann, bob = oncall.people(here, "Ann", "Bob")
    oncall.layer(schedule, [ann, bob])
    friday = MONDAY - timedelta(days=3)
    made = services.override(
        schedule, bob, actor=make.JOB, starts=friday, ends=friday + timedelta(hours=9)
    )
    assert due(promises.HAND_OVER) == [friday]
    services.end_override(made, actor=make.JOB)
    assert due(promises.HAND_OVER) == [MONDAY]


def test_retired__promises_nothing(here: Workspace) -> None:
    schedule = oncall.schedule(here)
    oncall.layer(schedule, oncall.people(here, "Ann", "Bob"))
    services.retire_schedule(schedule, actor=make.JOB, reason="Not needed")
    assert due(promises.HAND_OVER) == due(promises.HEADS_UP) == []
    fire(promises.HAND_OVER)
    assert told("oncall.on") == []


def test_who_leaves__the_watch_tells_whoever_can_fill_the_gap(here: Workspace) -> None:
    oncall.layer(oncall.schedule(here), oncall.people(here, "Ann"))
    oncall.people(here, "Bob")
    oncall.people(here, "Olga", role="operations_command")
    [ann] = [row.user for row in here.memberships.all() if row.user.name == "Ann"]
    assert told("oncall.nobody") == []
    access.remove_member(make.membership(ann, here), actor=make.JOB)
    assert tasks.watch() == {"schedules": 1}
    tasks.watch()
    assert told("oncall.nobody") == ["Bob, Olga"]
    assert Notification.objects.get(kind="oncall.nobody").urgency == "critical"


def test_gap_ahead__told_while_far__and_again_when_near(
    here: Workspace, noon: time_machine.Traveller
) -> None:
    schedule = oncall.schedule(here)
    ann, _ = oncall.people(here, "Ann", "Bob")
    oncall.layer(schedule, [ann], until=oncall.MONDAY + timedelta(days=14))
    rows = Notification.objects.filter(kind="oncall.gap").order_by("id")
    assert [row.urgency for row in rows] == ["normal"]
    noon.move_to(MONDAY + timedelta(days=6, hours=20))
    tasks.watch()
    assert [row.urgency for row in rows.all()] == ["normal", "critical"]


def test_schedule_in_the_making__calls_nobody(here: Workspace) -> None:
    oncall.schedule(here)
    tasks.watch()
    assert not Notification.objects.filter(kind__startswith="oncall.").exists()
