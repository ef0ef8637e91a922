"""The calendar on the reader's wall, whatever the clocks do; the timeline; the calendar's link."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from controlplane.lib import clock
from deployments import services
from deployments.maintenance import services as windows
from deployments.models import MaintenanceWindow
from deployments.overview import board as boards
from deployments.overview import calendar as days
from deployments.overview import entries
from deployments.overview.entries import Entry
from tests import make
from tests.kit import maintenance, settled
from tests.kit.api import Api, refused
from tests.kit.deployments import World
from tests.kit.released_before import ago, landed

pytestmark = pytest.mark.django_db
PAGE = "/admin/deployments/calendar/"
# Forward at midnight, a whole day that never was, half an hour, no change at all.
ZONES = ["Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe", "UTC",
         "Asia/Beirut", "America/Havana"]  # fmt: skip
DATES = st.dates(min_value=date(1990, 1, 1), max_value=date(2037, 12, 31))


@settled.once
def world() -> World:
    return World()


@given(st.sampled_from(days.VIEWS), DATES, st.sampled_from(ZONES))
def test_window__days_follow_one_another_without_gap_or_overlap(
    view: str, anchor: date, name: str
) -> None:
    zone = ZoneInfo(name)
    window = days.window(view, anchor, zone)
    assert window.first.weekday() == 0
    assert window.days % 7 == 0
    assert window.first <= anchor <= window.last
    edges = [window.midnight(window.first + days.DAY * n) for n in range(window.days + 1)]
    assert (edges[0], edges[-1]) == (window.start, window.end)
    lengths = [b - a for a, b in pairwise(edges)]
    assert all(timedelta(0) <= each <= timedelta(hours=25) for each in lengths)
    assert sum(lengths, timedelta()) == window.end - window.start


@given(st.sampled_from(days.VIEWS), DATES)
def test_paging__there_and_back_shows_the_same(view: str, anchor: date) -> None:
    zone = ZoneInfo("UTC")
    here = days.window(view, anchor, zone)
    there = days.window(view, days.stepped(view, anchor, 1), zone)
    assert there.first > here.first
    assert there.first <= here.last + days.DAY
    back = days.window(view, days.stepped(view, days.stepped(view, anchor, 1), -1), zone)
    assert back.first == here.first


MOMENTS = st.datetimes(
    min_value=datetime(2026, 10, 19), max_value=datetime(2026, 11, 20), timezones=st.just(UTC)
)


@given(st.lists(st.tuples(MOMENTS, st.integers(0, 200)), max_size=30), st.sampled_from(ZONES))
def test_entries__stand_on_every_day_they_touch_and_on_no_other(
    spans: list[tuple[datetime, int]], name: str
) -> None:
    window = days.window("week", date(2026, 10, 28), ZoneInfo(name))
    found = [
        Entry("freeze", str(place), starts, starts + timedelta(hours=hours), "x", "/")
        for place, (starts, hours) in enumerate(spans)
    ]
    shown = days.days(window, found, clock.now())
    for one in found:
        on = [day.date for day in shown if any(each.entry == one for each in day.shown)]
        expected = [
            day for day in (window.first + days.DAY * n for n in range(7))
            if one.starts < window.midnight(day + days.DAY)
            and (one.ends > window.midnight(day) or one.starts >= window.midnight(day))
        ]  # fmt: skip
        assert on == expected
        begun = [
            day.date for day in shown if any(each.entry == one and each.at for each in day.shown)
        ]
        assert len(begun) <= 1


@given(st.lists(st.tuples(MOMENTS, st.integers(0, 400)), max_size=40))
def test_timeline__no_two_bars_of_a_row_overlap(spans: list[tuple[datetime, int]]) -> None:
    window = days.window("timeline", date(2026, 11, 2), ZoneInfo("UTC"))
    found = [
        Entry("deployment", str(place), starts, starts + timedelta(hours=hours), "x", "/", "DEP-1")
        for place, (starts, hours) in enumerate(spans)
    ]
    lane = days.lane("Production", found, window)
    assert len(lane.bars) + lane.more == len(found)
    rows: dict[int, float] = {}
    for bar in lane.bars:
        x, width = float(bar.x[:-1]), float(bar.width[:-1])
        assert x >= rows.get(bar.row, 0) - 0.002
        assert 0 <= x <= 100
        assert x + width <= 100.002
        rows[bar.row] = x + width


def test_odd_addresses__show_today(world: World) -> None:
    browser = make.client(world.manager)
    for asked in ("?day=2026-02-30", "?day=0001-01-01&view=week", "?day=9999-12-31", "?view=x",
                  "?day=x&kind=nothing&environment=y", "?view=timeline&day=1971-01-04",
                  "?view=month&day=9000-01-01"):  # fmt: skip
        assert browser.get(PAGE + asked).status_code == 200, asked


# --- What stands there --------------------------------------------------------------------------


def shown(world: World, **given: object) -> list[Entry]:
    asked = entries.Asked(world.workspace, ago(days=10), clock.now() + timedelta(days=10))
    return entries.found(world.actor, asked).entries


def test_deployments_and_freezes__as_planned_and_as_they_went(world: World) -> None:
    went = landed(world, "1.0.0", ago(days=3))
    landed(world, "0.9.0", ago(days=30), planned_at=ago(days=31))
    world.draft("production", release="1.1.0", planned_at=clock.now() + timedelta(days=2))
    world.draft("staging", release="1.2.0")  # nobody said when
    given: Any = {"actor": world.actor, "reason": "Books."}
    at = clock.now()
    for title, begins, ends in (("Then", 1, 3), ("Never", 4, 6), ("Far", 40, 50)):
        made = services.make_freeze(
            world.workspace, title=title, starts_at=at + timedelta(days=begins),
            ends_at=at + timedelta(days=ends), **given,
        )  # fmt: skip
        if title == "Never":
            services.end_freeze(made, **given)
    found = {one.title: one for one in shown(world)}
    assert set(found) == {went.title, "Deploy 1.1.0 to Production", "Then"}
    one = found[went.title]
    assert (one.starts, one.ends, one.planned, one.lasting) == (
        went.started_at, went.closed_at, False, False,
    )  # fmt: skip
    assert found["Deploy 1.1.0 to Production"].planned


def test_under_way__lasts_until_now(world: World) -> None:
    landed(world, "1.0.0", ago(hours=3), status="monitoring")
    [one] = shown(world)
    assert one.lasting
    assert one.ends >= ago(minutes=1)


def test_hand_overs__stand_where_they_are(world: World) -> None:
    world.on_call()
    kinds = {one.kind for one in shown(world)}
    assert kinds <= {"shift"}


def test_maintenance__in_the_calendar__on_the_board__in_the_timelines_way(world: World) -> None:
    office = maintenance.World(world.workspace, world.manager)
    world.component("agent")
    office.plan(title="Only a draft")
    soon = office.partners()
    now = office.emergency()
    found = {one.title: one for one in shown(world) if one.kind == "window"}
    assert set(found) == {soon.title, now.title}
    one = found[soon.title]
    assert (one.starts, one.ends, one.planned, one.environments) == (
        soon.starts_at, soon.ends_at, True, ("production",),
    )  # fmt: skip
    [place] = [each for each in boards.board(world.workspace).places
               if each.environment.slug == "production"]  # fmt: skip
    assert (place.window, place.next_window) == (now, soon)
    page = make.client(world.manager).get(f"{PAGE}?view=timeline&environment=production")
    assert page.content.decode().count("rel-held") >= 2


def test_maintenance__that_lasts_past_its_time__is_still_there(world: World) -> None:
    office = maintenance.World(world.workspace, world.manager)
    row = office.sign_window(office.emergency())
    windows.start(row, actor=office.actor)
    with maintenance.at(row.ends_at + timedelta(days=1)):
        now = clock.now()
        for start in (now, now - timedelta(hours=2)):
            found = MaintenanceWindow.objects.within(start, now + timedelta(hours=1))
            assert list(found) == [row]
        tomorrow = now + timedelta(days=1)
        assert not MaintenanceWindow.objects.within(tomorrow, tomorrow + timedelta(days=1)).exists()


def test_page__on_the_readers_wall(world: World) -> None:
    """Twenty past one in Berlin is the evening before in New York."""
    at = datetime(2026, 11, 18, 0, 20, tzinfo=UTC)
    landed(world, "1.0.0", at, started_at=at)
    for zone, day in (("Europe/Berlin", 18), ("America/New_York", 17)):
        person = make.person(world.workspace, "viewer")
        type(person).objects.filter(pk=person.pk).update(time_zone=zone)
        page = make.client(person).get(f"{PAGE}?view=week&day=2026-11-18").content.decode()
        assert f"Times are of {zone}" in page
        text = page.split(f"</span> {day}<span")[1].split(f"</span> {day + 1}<span")[0]
        assert "Deploy 1.0.0" in text


def test_page__questions_do_not_grow(world: World) -> None:
    browser = make.client(world.manager)

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(f"{PAGE}?view=timeline").status_code == 200
        return len(captured)

    landed(world, "1.0.0", ago(days=1))
    asked()
    few = asked()
    for number in range(12):
        landed(world, f"2.{number}.0", ago(days=number / 10))
    assert asked() <= few


# --- The link -----------------------------------------------------------------------------------


def test_calendars_link__same_while_nothing_changes(world: World) -> None:
    landed(world, "1.0.0", ago(days=3))
    browser = make.client(world.manager)
    browser.post("/admin/deployments/links/new/", {"kind": "calendar", "environment": ""})
    page = browser.get("/admin/deployments/links/").content.decode()
    link = "/releases/" + page.split("/releases/")[1].split(".ics")[0] + ".ics"
    at = datetime.now(UTC).replace(minute=16, second=0)
    with time_machine.travel(at, tick=False):
        first = Client().get(link)
        assert first["Content-Type"] == "text/calendar; charset=utf-8"
        assert b"Deploy 1.0.0" in first.content.replace(b"\r\n ", b"")
        assert b"PRODID:-//Control plane//Deployments//EN" in first.content
    with time_machine.travel(at + timedelta(minutes=9), tick=False):
        again = Client().get(link, headers={"If-None-Match": first["ETag"]})
        assert again.status_code == 304
    assert Client().get(link.replace(".ics", ".atom")).status_code == 404


def test_api__entries_of_a_time(world: World) -> None:
    landed(world, "1.0.0", ago(days=3))
    api = Api(browser=make.client(world.manager))
    since, until = (f"{ago(days=day):%Y-%m-%dT%H:%M:%SZ}" for day in (5, 1))
    path = "/api/v1/deployments/calendar"
    [one] = api.get(f"{path}?since={since}&until={until}").json()["items"]
    assert (one["kind"], one["planned"], one["environments"]) == (
        "deployment", False, ["production"],
    )  # fmt: skip
    assert api.get(f"{path}?since={since}&until={until}&kind=freeze").json()["items"] == []
    refused(api.get(f"{path}?since={until}&until={since}"), "INVALID_ARGUMENT")
    refused(api.get(f"{path}?since=1000-01-01T00:00:00Z"), "INVALID_ARGUMENT")
    theirs = Api(browser=make.client(World().manager))
    assert theirs.get(f"{path}?since={since}&until={until}").json()["items"] == []
