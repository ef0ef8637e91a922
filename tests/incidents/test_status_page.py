"""The public status page: what leaves the house and what does not, how it is computed, who may keep
it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import settings as settings_of
from hypothesis.strategies import text

from controlplane.access.models import User, Workspace
from controlplane.catalog.models import Component, DownInterval, Environment
from controlplane.jobs import engine
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from deployments.maintenance import places
from deployments.models import MaintenanceWindow
from incidents import links as pages
from incidents.models import StatusDocument, StatusPage
from incidents.records import moving
from incidents.response import updates
from incidents.reviews import writing as reviews
from incidents.status import picture, services, serving, spoken, writing
from tests import make
from tests.kit import incidents as kit
from tests.kit.incidents import Caller
from tests.kit.status import Public, subscribe

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.STATE_DIR = tmp_path
    serving.forget()
    yield
    serving.forget()


def test_quiet__everything_works() -> None:
    here = Public()
    here.write()
    assert "No incident is known" in here.read()  # of nothing nobody says that it works
    here.service()
    here.write()
    assert "Everything works" in here.read()
    told = here.json()
    assert told["status"] == {"indicator": "none", "description": "Everything works"}
    assert [(each["name"], each["status"]) for each in told["components"]] == [
        ("Checkout", "operational")
    ]
    assert (told["incidents"], told["scheduled_maintenances"]) == ([], [])


def test_incident__only_what_customers_were_told_leaves_the_house() -> None:
    here = Public()
    service = here.service()
    row = here.room.quiet("sev1", title="Secret title", summary="Secret summary", service=service)
    updates.post_update(row, actor=make.JOB, text="Secret words of the house")
    here.write()
    assert here.json()["incidents"] == []
    here.told(row)
    here.write()
    for rest in ("", "history", f"incidents/{row.uid}", "feed.atom", "feed.rss",
                 "api/v2/summary.json"):  # fmt: skip
        said = here.read(rest)
        assert "Orders fail" in said, rest
        assert "We look at it." in said or not rest.startswith("incidents"), rest
        assert "Secret" not in said, rest
    told = here.json()
    [one] = told["incidents"]
    assert (one["name"], one["status"], one["impact"]) == (
        "Orders fail", "investigating", "critical",
    )  # fmt: skip
    assert [each["name"] for each in one["components"]] == ["Checkout"]
    assert (told["status"]["indicator"], told["components"][0]["status"]) == (
        "critical", "major_outage",
    )  # fmt: skip


def test_over__it_is_history_and_what_was_learned_may_be_read() -> None:
    here = Public()
    row = here.room.quiet("sev2", title="Secret title")
    here.told(row)
    row = moving.resolve(row, actor=make.JOB, reason="Secret reason")
    here.write()
    assert here.json()["incidents"] == []
    [one] = here.json("incidents")["incidents"]
    assert (one["status"], one["resolved_at"] is not None) == ("resolved", True)
    review = kit.written(row, is_public=True, lessons="Test what you deploy.")
    reviews.publish_review(review, actor=make.JOB)
    here.write()
    assert here.json("incidents")["incidents"][0]["status"] == "postmortem"
    assert "Test what you deploy." in here.read(f"incidents/{row.uid}")


def test_days__count_what_was_down_once() -> None:
    noon = clock.now().replace(hour=12, minute=0, second=0, microsecond=0)
    with time_machine.travel(noon, tick=False):
        here = Public()
        service = here.service()
        Component.objects.update(created_at=noon - timedelta(days=200))
        place = Environment.objects.get(workspace=here.workspace, slug="production")
        for minutes in (60, 90):  # two probes of one outage
            DownInterval.objects.create(
                workspace=here.workspace, service=service, environment=place,
                starts_at=noon - timedelta(days=2, minutes=minutes),
                ends_at=noon - timedelta(days=2),
            )  # fmt: skip
        [part] = picture.draw(here.page, noon).parts
        assert (len(part.days), part.state) == (90, "operational")
        bad = [day for day in part.days if day.state != "operational"]
        assert [(day.down_minutes, day.state) for day in bad] == [(90, "major_outage")]
        known = 89 * 24 * 60 + 12 * 60
        assert part.uptime == round(100 * (1 - 90 / known), 3)
        DownInterval.objects.create(
            workspace=here.workspace, service=service, environment=place, starts_at=noon
        )
        assert picture.draw(here.page, noon).parts[0].state == "major_outage"


def test_archived_workspace__its_page_is_closed() -> None:
    here = Public()
    here.write()
    here.read()
    Workspace.objects.filter(pk=here.workspace.pk).update(archived_at=clock.now())
    serving.forget()
    here.read(status=404)
    before = StatusDocument.objects.get().written_at
    assert here.write().written_at == before
    assert subscribe(here).status_code == 404


def test_one_page_that_fails__keeps_back_no_other_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, good = Public("a-bad"), Public("b-good")
    StatusDocument.objects.all().delete()
    drawn = picture.draw

    def draw(page: StatusPage, now: Any) -> picture.Picture:
        if page.pk == bad.page.pk:
            raise ValueError("what a page trips over")
        return drawn(page, now)

    monkeypatch.setattr(picture, "draw", draw)
    with pytest.raises(engine.Incomplete, match="1 of"):
        writing.work(time.monotonic() + 30)
    assert StatusDocument.objects.get().page == good.page
    bad.page.refresh_from_db()
    assert bad.page.told_until > bad.page.created_at  # its mail went on


def test_what_was_learned__is_not_computed_anew_for_each_drawing() -> None:
    here = Public()
    row = here.room.quiet("sev2")
    here.told(row)
    row = moving.resolve(row, actor=make.JOB, reason="Over.")
    review = kit.written(row, is_public=True, lessons="Test what you deploy.")
    reviews.publish_review(review, actor=make.JOB)
    first = picture.draw(here.page, clock.now())
    with CaptureQueriesContext(connection) as asked:
        again = picture.draw(here.page, clock.now())
    assert again.events[0].learned == first.events[0].learned != ()
    assert not [each for each in asked if "reviewaction" in each["sql"]]
    review.refresh_from_db()
    review = reviews.write_on(review, actor=make.JOB, reason="It says too little.")
    review = reviews.change_review(review, actor=make.JOB, lessons="Test it twice.")
    reviews.publish_review(review, actor=make.JOB)
    said = picture.draw(here.page, clock.now()).events[0].learned
    assert "Test it twice." in repr(said)


def test_written_only_when_something_changed() -> None:
    here = Public()
    first = here.write()
    assert here.write().changed_at == first.changed_at
    here.told(here.room.quiet())
    assert here.write().changed_at > first.changed_at


def test_hostile_words__stay_words() -> None:
    here = Public(title="<b>Acme</b>", intro="]]> & <i>")
    here.service("<img src=x>")
    row = here.room.quiet()
    here.told(row, "<script>alert(1)</script> & ]]>")
    here.write()
    for rest in ("", f"incidents/{row.uid}", "history"):
        said = here.read(rest)
        assert "<script>" not in said
        assert "<img src=x>" not in said
    for rest in ("feed.atom", "feed.rss"):
        ElementTree.fromstring(here.read(rest))
    assert here.json()["incidents"][0]["incident_updates"][0]["body"].startswith("<script>")


@settings_of(max_examples=40, deadline=None)
@given(said=text(max_size=80))
def test_feeds__parse_whatever_was_said(said: str) -> None:
    moment = datetime(2026, 3, 2, 12, tzinfo=UTC)
    page = StatusPage(slug="acme", title=said[:80], intro=said, created_at=moment)
    event = picture.Event(
        "1", said, "investigating", "minor", moment, moment, None, [],
        [picture.Said("2", "investigating", said, moment)],
    )  # fmt: skip
    work = picture.Work("3", said, said, "scheduled", moment, moment, moment, [])
    drawn = picture.Picture(page, [], [event], [work])
    written = spoken.written(drawn)
    for rest in ("feed.atom", "feed.rss"):
        root = ElementTree.fromstring(written[rest][1])
        assert len(root.findall(".//{*}entry") or root.findall(".//item")) == 2


# --- Who may ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"slug": "Api"}, "slug"), ({"slug": "incidents"}, "slug"), ({"slug": "../x"}, "slug"),
        ({"title": " "}, "title"), ({"time_zone": "Mars"}, "time_zone"),
        ({"is_open": "yes"}, "is_open"), ({"told_until": "now"}, "told_until"),
    ],
)  # fmt: skip
def test_page__names_the_field_that_is_wrong(given: dict[str, Any], field: str) -> None:
    here = Public()
    with pytest.raises(Invalid) as refused:
        services.change_page(here.page, actor=make.JOB, **given)
    assert field in refused.value.details


def test_page__one_for_a_workspace_and_one_first() -> None:
    here, other = Public(is_first=True), Public("other")
    with pytest.raises(Conflict):
        services.create_page(here.workspace, actor=make.JOB)
    for values in ({"is_first": True}, {"slug": "acme"}):
        with pytest.raises(Conflict):
            services.change_page(other.page, actor=make.JOB, **values)
    assert StatusPage.objects.get(pk=other.page.pk).version == 1


def test_keeping__by_admins_over_console_and_api() -> None:
    here = Public(is_open=False)
    admin: User = here.room.admin
    one = f"/api/v1/status-pages/{here.page.slug}"
    caller = Caller(admin)
    done = caller._well(caller.api.send("PATCH", one, {"title": "Ours", "is_open": True}))
    assert (done["title"], done["is_open"], done["version"]) == ("Ours", True, 2)
    assert [each["slug"] for each in caller.get("/api/v1/status-pages")["items"]] == ["acme"]
    page = make.client(admin).get(pages.page_of(here.page)).content.decode()
    assert "No incident is known" in page
    stranger = make.person(make.workspace(), "workspace_admin")
    assert Caller(stranger).refused("PATCH", one, {"title": "Mine"}).status_code == 404
    assert make.client(stranger).get(pages.page_of(here.page)).status_code in {302, 404}
    reader = here.room.person("viewer")
    assert Caller(reader).refused("PATCH", one, {"title": "Mine"}).status_code == 403
    with pytest.raises(NotAllowed):
        services.change_page(here.page, actor=make.actor(reader), title="Mine")
    with pytest.raises(NotAllowed):
        services.create_page(make.workspace(), actor=make.actor(admin))


def test_maintenance__notices_are_read_here() -> None:
    here = Public()
    there = places.PLACES["status"]
    window = MaintenanceWindow(workspace=here.workspace, user_facing=True)
    assert there(window)
    assert not there(MaintenanceWindow(workspace=here.workspace, user_facing=False))
    assert not there(MaintenanceWindow(workspace=make.workspace(), user_facing=True))
