"""Several at once: nothing is said twice, no service has two windows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError
from controlplane.notify.models import Notification
from deployments.maintenance import services
from deployments.maintenance.services import notices
from deployments.models import MaintenanceWindow
from tests.kit.deployments import fire
from tests.kit.maintenance import World, again, at, tell_in_time
from tests.kit.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.servers]


def test_notice__by_two_workers_and_a_person__is_one() -> None:
    world = World()
    row = world.scheduled()
    with at(row.starts_at - timedelta(days=7)):
        now = clock.now()

        def say(number: int) -> object:
            if number == 0:
                return services.announce(row, actor=world.actor)
            from django.db import transaction

            from deployments.maintenance.holding import hold

            with transaction.atomic():
                return notices.say_ahead(hold(row), now)

        found = race(3, say)
        fire()
    news = Notification.objects.filter(kind="maintenance.week")
    assert news.count() == 1, found
    assert not Notification.objects.filter(kind="maintenance.planned").exists()


def test_schedule__two_windows_of_one_service__one_is_let_in() -> None:
    world = World()
    rows = [world.tested(title=f"Window {number}") for number in range(2)]
    found = race(2, lambda n: services.schedule(rows[n], actor=world.actor))
    assert sum(isinstance(each, MaintenanceWindow) for each in found) == 1, found
    assert sum(isinstance(each, ControlPlaneError) for each in found) == 1, found


def test_start_and_cancel__at_once__one_of_them() -> None:
    world = World()
    row = world.approved_window()
    with at(row.starts_at):
        tell_in_time(row)
        verbs = (
            lambda: services.start(again(row), actor=world.actor),
            lambda: services.cancel(again(row), actor=world.actor, reason="No."),
        )
        found = race(2, lambda n: verbs[n]())
    assert sum(isinstance(each, ControlPlaneError) for each in found) == 1, found
    assert again(row).status in {"in_progress", "cancelled"}


def test_missed_and_moved__at_once__has_its_new_time() -> None:
    world = World()
    row = world.approved_window()
    tell_in_time(row)
    with at(row.ends_at + timedelta(minutes=1)):
        verbs = (
            fire,
            lambda: services.reschedule(
                again(row), actor=world.actor, reason="Nobody came.", **world.span(weeks=1)
            ),
        )
        found = race(2, lambda n: verbs[n]())
        fire()
    assert not [each for each in found if isinstance(each, Exception)], found
    moved = again(row)
    assert (moved.status, moved.revision) == ("announced", 2)
    assert set(moved.parts.values_list("holds", flat=True)) == {True}
    said = Notification.objects.filter(kind="maintenance.missed", workspace=world.workspace)
    assert said.count() <= 1
