"""A window that nobody began: when its time is over it holds nothing, and everybody knows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controlplane.audit.models import AuditEvent
from controlplane.base.models import Signal
from controlplane.jobs.models import Timer
from controlplane.lib.errors import InvalidTransition, NotAllowed
from controlplane.notify.models import Notification
from deployments.maintenance import links, services
from deployments.maintenance.services import quarter
from deployments.models import MaintenanceWindow
from deployments.shown import windows as shown
from deployments.shown.windows import following
from tests import make
from tests.kit import settled
from tests.kit.api import Api
from tests.kit.deployments import deliver, fire, there
from tests.kit.maintenance import World, again, at, states, tell_in_time

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@settled.once
def world() -> World:
    made = World()
    made.watcher()
    made.service()
    return made


@settled.once
def signed(world: World) -> MaintenanceWindow:
    return world.approved_window()


def passed(row: MaintenanceWindow) -> MaintenanceWindow:
    """Its time goes by, and the portal looks."""
    tell_in_time(row)
    with at(row.ends_at + MINUTE):
        fire()
    return again(row)


def told(world: World, kind: str) -> int:
    rows = Notification.objects.filter(workspace=world.workspace, kind=f"maintenance.{kind}")
    return rows.count()


def test_nobody_began_it__missed_at_its_end_and_not_before(
    world: World, signed: MaintenanceWindow
) -> None:
    tell_in_time(signed)
    with at(signed.ends_at - MINUTE):
        fire()
    row = again(signed)
    assert (row.status, set(row.parts.values_list("holds", flat=True))) == ("approved", {True})
    row = passed(signed)
    assert (row.status, row.started_at, row.closed_at) == ("missed", None, None)
    assert set(row.parts.values_list("holds", flat=True)) == {False}
    moved = AuditEvent.objects.about(row).filter(action="maintenancewindow.missed").get()
    assert "nobody began it" in moved.reason
    assert there(row.approval).status == "void"
    assert Signal.objects.filter(kind="maintenance.missed", payload__ref=row.ref).exists()


def test_missed__is_told_once_and_its_work_stays_to_be_done(
    world: World, signed: MaintenanceWindow
) -> None:
    row = passed(signed)
    assert told(world, "missed") == 1
    assert states(row, "start") == states(row, "done") == {"void"}
    assert not Timer.objects.filter(state="waiting", payload__window=str(row.uid)).exists()
    with at(row.ends_at + timedelta(hours=3)):
        fire()
        deliver()
    assert told(world, "missed") == 1
    item = there(again(row).item)
    assert item.category != "done"
    comments = item.comments.order_by("pk").values_list("text", flat=True)
    assert any("did not begin in its time" in text for text in comments)


def test_missed__what_it_held_is_free(world: World, signed: MaintenanceWindow) -> None:
    row = passed(signed)
    with at(row.ends_at + MINUTE):
        span = {"starts_at": row.starts_at, "ends_at": row.ends_at + timedelta(hours=2)}
        assert world.emergency(**span).status == "announced"


def test_missed__cannot_begin__gets_another_time_or_is_cancelled(
    world: World, signed: MaintenanceWindow
) -> None:
    row = passed(signed)
    with at(row.ends_at + MINUTE):
        with pytest.raises(InvalidTransition):
            services.start(row, actor=world.actor)
        with pytest.raises(InvalidTransition):
            services.ask_consent(row, actor=world.actor)
        step = following(row, world.actor)
        assert step.label == "Give it another time…"
        assert "reschedule" in step.url
        assert "missed" in {place.mark for place in shown.road(row)}
        moved = services.reschedule(
            row, actor=world.actor, reason="Nobody was there.", **world.span(weeks=1)
        )
    assert (moved.status, set(moved.parts.values_list("holds", flat=True))) == (
        "announced",
        {True},
    )
    assert told(world, "correction") == 1
    row = passed(world.sign_window(moved))
    assert row.status == "missed"
    with at(row.ends_at + MINUTE):
        row = services.cancel(row, actor=world.actor, reason="Not needed any more.")
        deliver()
    assert row.status == "cancelled"
    assert there(again(row).item).category == "done"


def test_missed__counts_for_no_quarter(world: World, signed: MaintenanceWindow) -> None:
    span = signed.starts_at - timedelta(days=1), signed.ends_at + timedelta(days=1)
    assert quarter.is_planned(world.workspace, *span)
    passed(signed)
    assert not quarter.is_planned(world.workspace, *span)


def test_begun_in_time__is_asked_about_and_not_missed(
    world: World, signed: MaintenanceWindow
) -> None:
    with at(signed.starts_at):
        row = world.begun(signed)
    row = passed(row)
    assert (row.status, told(world, "overdue"), told(world, "missed")) == ("in_progress", 1, 0)


def test_portal_away_for_all_of_it__missed_on_its_return(
    world: World, signed: MaintenanceWindow
) -> None:
    with at(signed.ends_at + timedelta(days=2)):
        fire()
    row = again(signed)
    assert (row.status, told(world, "missed"), told(world, "unstarted")) == ("missed", 1, 0)


def test_never_told_of__the_team_reads_it_and_users_do_not(world: World) -> None:
    row = world.scheduled(**world.span(weeks=3))
    Timer.objects.filter(kind="maintenance.notice").update(state="cancelled")
    with at(row.ends_at + MINUTE):
        fire()
    assert again(row).status == "missed"
    assert states(row, "missed") == set()
    rows = Notification.objects.filter(kind="maintenance.missed", key__contains=str(row.uid))
    assert rows.count() == 1


def test_partners__begins_and_ends_by_its_own_clock(world: World) -> None:
    row = world.partners()
    with at(row.ends_at + timedelta(days=1)):
        fire()
    assert again(row).status == "completed"


def test_pages__say_so(world: World, signed: MaintenanceWindow) -> None:
    row = passed(signed)
    with at(row.ends_at + MINUTE):
        browser = make.client(world.manager)
        page = browser.get(links.window(row)).content.decode()
        assert "Nobody began it in its time" in page
        assert "Give it another time" in page
        found = Api(browser=browser).get(f"/api/v1/maintenance/{row.ref}").json()
        assert found["status"] == "missed"


def test_stranger__gives_it_no_time(world: World, signed: MaintenanceWindow) -> None:
    row = passed(signed)
    for stranger in (World().actor, make.actor(make.person(world.workspace, "viewer"))):
        with pytest.raises(NotAllowed):
            services.reschedule(row, actor=stranger, reason="Mine.", **world.span(weeks=1))
    assert again(row).status == "missed"
