"""When support is there: shipped channels, a workspace's own, holidays by hand and by calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, NotAllowed, NotFound
from incidents.models import Holiday, SupportChannel
from incidents.support import holidays, hours
from tests import make
from tests.kit import settled
from tests.kit.incidents import Caller

pytestmark = pytest.mark.django_db
FRIDAY = datetime(2026, 6, 5, 20, tzinfo=UTC)  # two hours before the support channel closes
HOUR = 3_600
CALENDAR = """BEGIN:VCALENDAR
X-WR-CALNAME:Days off
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20260608
SUMMARY:Founders' day
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;VALUE=DATE:20261224
DTEND;VALUE=DATE:20261227
RRULE:FREQ=YEARLY
SUMMARY:Winter break
END:VEVENT
BEGIN:VEVENT
UID:3
DTSTART:20260609T100000Z
DTEND:20260609T110000Z
SUMMARY:A meeting
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n").encode()


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def keeper(workspace: Workspace) -> Any:
    return make.person(workspace, "sre_liaison", password=None)


@settled.once
def browser(keeper: Any) -> Client:
    return make.client(keeper)


@pytest.fixture
def by(keeper: Any) -> Actor:
    return make.actor(keeper)


def test_shipped__are_there_at_once(workspace: Workspace) -> None:
    found = hours.channels(workspace.pk)
    assert {slug: one.row.hours for slug, one in found.items()} == {
        "operator": ["mon-fri 00:00-24:00"],
        "support": ["mon-fri 06:00-22:00"],
        "mailbox": ["mon-sun 00:00-24:00"],
        "pager": ["mon-sun 00:00-24:00"],
    }
    support = hours.channel(workspace.pk, "support")
    assert hours.due(support, FRIDAY, 4 * HOUR) == datetime(2026, 6, 8, 8, tzinfo=UTC)
    assert hours.covered_between(support, FRIDAY, FRIDAY + timedelta(days=3)) == 16 * HOUR
    assert hours.is_open(support, FRIDAY)
    assert not hours.is_open(support, FRIDAY + timedelta(hours=3))
    with pytest.raises(NotFound):
        hours.channel(workspace.pk, "telex")


def test_own__takes_the_shipped_ones_place_here_alone(workspace: Workspace, by: Actor) -> None:
    other = make.workspace()
    made = hours.save_channel(
        workspace, "support", actor=by, hours=["mon-fri 09:00-17:00"], time_zone="Europe/Berlin"
    )
    assert made.workspace == workspace
    assert hours.channel(workspace.pk, "support").row.title == "Support channel"
    assert hours.channel(other.pk, "support").row.hours == ["mon-fri 06:00-22:00"]
    assert hours.save_channel(workspace, "support", actor=by, rests=True).version == made.version
    with pytest.raises(Conflict):
        hours.save_channel(workspace, "support", actor=by, version=made.version - 1, rests=False)
    hours.drop_channel(workspace, "support", actor=by, reason="As the others.")
    assert hours.channel(workspace.pk, "support").row.workspace is None
    with pytest.raises(Conflict):
        hours.drop_channel(workspace, "support", actor=by, reason="Again.")
    log = AuditEvent.objects.filter(action="support.hours")
    assert log.count() == 2


def test_own__is_judged_as_it_is_now_and_not_as_it_was_listed(
    workspace: Workspace, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours.save_channel(workspace, "support", actor=by, title="First")
    listed = hours.rows_of(workspace.pk)
    second = hours.save_channel(workspace, "support", actor=by, title="Second")
    # Somebody else's change ends between the list and the lock.
    monkeypatch.setattr(hours, "rows_of", lambda workspace_id: listed)
    with pytest.raises(Conflict):
        hours.save_channel(
            workspace, "support", actor=by, title="Third", version=second.version - 1
        )
    third = hours.save_channel(workspace, "support", actor=by, title="Third")
    assert third.version == second.version + 1
    last = AuditEvent.objects.filter(action="support.hours").latest("pk")
    assert (last.before or {})["title"] == "Second"
    hours.drop_channel(workspace, "support", actor=by, reason="As the others.")
    with pytest.raises(Conflict):
        hours.save_channel(workspace, "support", actor=by, title="Fourth")


def test_no_hour_at_all__is_refused_by_the_service_and_by_the_database(
    workspace: Workspace, by: Actor
) -> None:
    for given in ([], ["  "], ["mon 17:00-09:00"], 5):
        with pytest.raises(Invalid):
            hours.save_channel(workspace, "support", actor=by, hours=given)
    with pytest.raises(Invalid):
        hours.save_channel(workspace, "desk", actor=by, title="Desk")
    with pytest.raises(Invalid):
        hours.save_channel(workspace, "support", actor=by, time_zone="Mars/Olympus")
    with pytest.raises(IntegrityError), transaction.atomic():
        SupportChannel.objects.create(workspace=workspace, slug="none", title="None", hours=[])


def test_holidays__move_what_is_due_of_those_that_rest(workspace: Workspace, by: Actor) -> None:
    row = hours.add_holiday(workspace, date(2026, 6, 8), actor=by, title="Founders' day")
    support, pager = (hours.channel(workspace.pk, slug) for slug in ("support", "pager"))
    assert hours.due(support, FRIDAY, 4 * HOUR) == datetime(2026, 6, 9, 8, tzinfo=UTC)
    assert hours.due(pager, FRIDAY, 4 * HOUR) == FRIDAY + timedelta(hours=4)
    hours.change_holiday(row, actor=by, hours="10:00-12:00")
    support = hours.channel(workspace.pk, "support")
    assert hours.due(support, FRIDAY, 3 * HOUR) == datetime(2026, 6, 8, 11, tzinfo=UTC)
    with pytest.raises(Conflict):
        hours.add_holiday(workspace, date(2026, 6, 8), actor=by, title="Twice")
    with pytest.raises(Conflict):
        hours.change_holiday(row, actor=by, version=7, title="Old")
    hours.remove_holiday(row, actor=by)
    hours.remove_holiday(row, actor=by)
    assert not Holiday.objects.exists()


def test_calendar__whole_days_are_taken_and_the_rest_told(workspace: Workspace, by: Actor) -> None:
    with time_machine.travel(datetime(2026, 6, 3, 12, tzinfo=UTC)):
        hours.add_holiday(workspace, date(2026, 12, 25), actor=by, title="Ours")
        found = holidays.look(workspace, CALENDAR, actor=by)
        assert found.calendar == "Days off"
        assert found.known == 1
        assert [why for _, why, _ in found.problems] == [
            "It is no whole day: write its hours by hand."
        ]
        with pytest.raises(Conflict):
            holidays.take(workspace, CALENDAR, actor=by, seen="something else")
        holidays.take(workspace, CALENDAR, actor=by, seen=found.seen)
        days = dict(Holiday.objects.filter(day__year=2026).values_list("day", "title"))
        assert days == {
            date(2026, 6, 8): "Founders' day", date(2026, 12, 24): "Winter break",
            date(2026, 12, 25): "Ours", date(2026, 12, 26): "Winter break",
        }  # fmt: skip
        with pytest.raises(Conflict):
            holidays.take(workspace, CALENDAR, actor=by)


def test_stranger__changes_nothing_and_reads_no_other_workspace(workspace: Workspace) -> None:
    viewer = make.actor(make.person(workspace, "viewer", password=None))
    with pytest.raises(NotAllowed):
        hours.save_channel(workspace, "support", actor=viewer, rests=False)
    with pytest.raises(NotAllowed):
        hours.add_holiday(workspace, date(2026, 6, 8), actor=viewer, title="Free")
    with pytest.raises(NotAllowed):
        holidays.look(workspace, CALENDAR, actor=viewer)
    other = make.workspace()
    away = make.actor(make.person(other, "sre_liaison", password=None))
    with pytest.raises(NotAllowed):
        hours.save_channel(workspace, "support", actor=away, rests=False)


# --- In the console -------------------------------------------------------------------------------

BOARD = "/admin/support/hours/"


def test_page__shows_each_channel_and_the_days_to_come(
    workspace: Workspace, by: Actor, browser: Client
) -> None:
    with time_machine.travel(datetime(2026, 6, 3, 12, tzinfo=UTC)):
        hours.add_holiday(workspace, date(2026, 6, 8), actor=by, title="<b>Founders</b>")
        page = browser.get(BOARD)
        text = page.content.decode()
        assert text.count('class="su-strip"') == 4
        assert "Mon 8 Jun: closed" in text
        assert "&lt;b&gt;Founders" in text
        assert "mon-fri 06:00-22:00" in text


def test_forms__change_channels_and_days(workspace: Workspace, browser: Client) -> None:
    form = {
        "title": "Desk", "about": "", "address": "#desk", "time_zone": "Asia/Kolkata",
        "hours": "mon-fri 09:00-12:00 13:00-17:00\r\nsat 10:00-12:00", "rests": "on",
        "position": "5",
    }  # fmt: skip
    one = f"{BOARD}channels/support/"
    assert browser.post(one, form).status_code == 302
    row = hours.channel(workspace.pk, "support").row
    assert row.hours == ["mon-fri 09:00-12:00 13:00-17:00", "sat 10:00-12:00"]
    wrong = browser.post(one, {**form, "hours": "whenever"})
    assert wrong.status_code == 400
    assert "says no hours" in wrong.content.decode()
    assert browser.post(one, {**form, "version": "77"}).status_code == 409
    assert browser.post(one, {"drop": "1"}).status_code == 302
    new = f"{BOARD}channels/new/"
    assert browser.post(new, {**form, "slug": "pager"}).status_code == 409
    assert browser.post(new, {**form, "slug": "desk"}).status_code == 302
    day = {"day": "2026-06-08", "title": "Founders' day", "hours": ""}
    assert browser.post(f"{BOARD}holidays/new/", day).status_code == 302
    assert browser.post(f"{BOARD}holidays/new/", day).status_code == 409
    kept = Holiday.objects.get()
    again = {**day, "hours": "09:00-12:00", "version": kept.version}
    assert browser.post(f"{BOARD}holidays/{kept.uid}/", again).status_code == 302
    assert Holiday.objects.get().hours == "09:00-12:00"
    assert browser.post(f"{BOARD}holidays/{kept.uid}/", {"remove": "1"}).status_code == 302
    with time_machine.travel(datetime(2026, 6, 3, 12, tzinfo=UTC)):
        path, told = f"{BOARD}holidays/calendar/", {"calendar": CALENDAR.decode()}
        looked = browser.post(path, told)
        assert "Founders&#x27; day" in looked.content.decode()
        assert not Holiday.objects.exists()
        seen = looked.context["found"].seen
        assert browser.post(path, {**told, "seen": seen, "save": "1"}).status_code == 302
        assert Holiday.objects.filter(calendar="Days off").count() > 3
        assert browser.post(path, {"calendar": "no calendar"}).status_code == 200


def test_api__keeps_hours_and_says_what_is_due(workspace: Workspace, keeper: Any) -> None:
    api = Caller(keeper)
    found = api.get("/api/v1/support-channels")["items"]
    assert [one["slug"] for one in found] == ["operator", "support", "mailbox", "pager"]
    assert {one["own"] for one in found} == {False}
    since = "2026-06-05T20:00:00Z"
    told = api.get("/api/v1/support-channels/support/due", since=since, seconds=4 * HOUR)
    assert (told["open"], told["due_at"]) == (True, "2026-06-08T08:00:00Z")
    put = api.put("/api/v1/support-channels/support", {"hours": ["daily 08:00-20:00"]})
    assert (put["own"], put["hours"]) == (True, ["mon-sun 08:00-20:00"])
    assert api.refused("DELETE", "/api/v1/support-channels/support").status_code == 204
    for query in ("seconds=-1", "seconds=99999999999", "since=yesterday"):
        path = f"/api/v1/support-channels/support/due?{query}"
        assert api.refused("GET", path).status_code == 400
    assert api.refused("GET", "/api/v1/support-channels/telex/due").status_code == 404
    day = api.post("/api/v1/holidays", {"day": "2026-06-08", "title": "Founders' day"})
    path = f"/api/v1/holidays/{day['uid']}"
    assert api.refused("PATCH", path, {"hours": "noon"}).status_code == 400
    assert api.refused("PATCH", path, {"hours": "10:00-12:00"}).json()["hours"] == "10:00-12:00"
    assert api.get("/api/v1/holidays", since="2026-06-09")["items"] == []
    assert api.refused("DELETE", path).status_code == 204
    with time_machine.travel(datetime(2026, 6, 3, 12, tzinfo=UTC)):
        told = {"calendar": CALENDAR.decode(), "dry_run": True}
        assert api.post("/api/v1/holidays/calendar", told)["added"][0]["day"] == "2026-06-08"
        assert not Holiday.objects.exists()


def test_stranger__reads_the_page_and_is_refused_its_forms(workspace: Workspace) -> None:
    viewer = make.client(make.person(workspace, "viewer"))
    page = viewer.get(BOARD)
    assert page.status_code == 200
    assert "/channels/support/" not in page.content.decode()
    assert viewer.get(f"{BOARD}channels/support/").status_code == 403
    assert viewer.post(f"{BOARD}holidays/new/", {"day": "2026-06-08", "title": "Free"}).status_code
    assert not Holiday.objects.exists()
    hours.add_holiday(workspace, date(2026, 6, 8), actor=make.JOB, title="Ours")
    away = Caller(make.person(make.workspace(), "sre_liaison"))
    assert away.get("/api/v1/holidays")["items"] == []
    uid = Holiday.objects.get().uid
    assert away.refused("DELETE", f"/api/v1/holidays/{uid}").status_code == 404
