"""The public status page: what leaves the house and what does not, how it is computed, who may keep
it, how it is read while the database is away, and who is told by mail."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import time_machine
from django.core import mail
from django.db import OperationalError, connection
from django.test import Client

from controlplane.access.models import User
from controlplane.catalog.models import Component, DownInterval, Environment, Service
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed, RateLimited
from controlplane.notify.models import OutboxMessage
from deployments.maintenance import places
from deployments.models import MaintenanceWindow
from incidents import links as pages
from incidents.models import Incident, StatusDocument, StatusPage, StatusSubscriber
from incidents.records import moving
from incidents.response import updates
from incidents.reviews import writing as reviews
from incidents.status import mailing, picture, services, serving, writing
from tests import make
from tests.kit import catalog as entries
from tests.kit import incidents as kit
from tests.kit.deployments import deliver
from tests.kit.incidents import Caller, Watchroom

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.STATE_DIR = tmp_path
    serving.forget()
    yield
    serving.forget()


class Public:
    """A workspace with an open page, and one public component."""

    def __init__(self, slug: str = "acme", **given: Any) -> None:
        self.room = Watchroom()
        self.workspace = self.room.workspace
        values = {"slug": slug, "title": "Acme works", "is_open": True, **given}
        self.page = services.create_page(self.workspace, actor=make.JOB, **values)

    def service(self, name: str = "Checkout") -> Service:
        row = entries.service(self.workspace, name=name)
        Component.objects.create(
            workspace=self.workspace, service=row, slug=name.lower(), name=name, is_public=True
        )
        return row

    def told(self, row: Incident, text: str = "We look at it.", **given: Any) -> Any:
        return updates.post_update(
            row, actor=make.JOB, text=text, audience="customers", kind="initial",
            subject="Orders fail", **given,
        )  # fmt: skip

    def write(self) -> StatusDocument:
        writing.work(time.monotonic() + 30)
        serving.forget()
        return StatusDocument.objects.get(page=self.page)

    def read(self, rest: str = "", status: int = 200) -> str:
        answer = Client().get(f"/status/{self.page.slug}/{rest}")
        assert answer.status_code == status, answer.content[:300]
        return answer.content.decode()

    def json(self, name: str = "summary") -> Any:
        return json.loads(self.read(f"api/v2/{name}.json"))


def test_quiet__everything_works() -> None:
    here = Public()
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


def test_reading__asks_no_database_and_answers_what_is_unchanged_shortly() -> None:
    here = Public(is_first=True)
    here.write()
    here.read()
    asked: list[str] = []

    def away(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(away):
        answer = Client().get("/status/acme/")
        again = Client().get("/status/acme/", headers={"If-None-Match": answer["ETag"]})
    assert (asked, again.status_code) == ([], 304)
    assert "public" in answer["Cache-Control"]
    assert "Acme works" in Client().get("/status/").content.decode()
    told = Client().get("/status/api/v2/status.json")
    assert told["Access-Control-Allow-Origin"] == "*"
    assert told.json()["page"]["name"] == "Acme works"


def test_database_away__the_last_page_is_read_also_by_a_new_process() -> None:
    here = Public()
    here.write()
    here.read()

    def away(*_: Any) -> Any:
        raise OperationalError("the server closed the connection")

    serving.forget()  # a process that was just started
    with connection.execute_wrapper(away):
        assert "Everything works" in here.read()
        here.read("history")
    services.change_page(here.page, actor=make.JOB, is_open=False)
    serving.forget()
    here.read(status=404)
    serving.forget()
    with connection.execute_wrapper(away):
        here.read(status=404)


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


# --- By mail ----------------------------------------------------------------------------------


def subscribe(here: Public, email: str = "ann@example.com") -> Any:
    return Client(enforce_csrf_checks=True).post(
        f"/status/{here.page.slug}/subscribe", {"email": email}
    )


def link(verb: str) -> str:
    found = re.search(rf"http\S+/{verb}/\S+", str(mail.outbox[-1].body))
    assert found is not None, mail.outbox[-1].body
    return "/status/" + found.group().partition("/status/")[2]


def test_mail__asked_confirmed_told_left() -> None:
    here = Public()
    assert subscribe(here).status_code == 200
    deliver()
    assert mail.outbox[-1].to == ["ann@example.com"]
    confirm = link("confirm")
    anybody = Client(enforce_csrf_checks=True)
    assert "Tell me by mail" in anybody.get(confirm).content.decode()
    assert StatusSubscriber.objects.get().confirmed_at is None  # what fetches links confirms none
    anybody.post(confirm)
    assert StatusSubscriber.objects.get().confirmed_at is not None
    sent = len(mail.outbox)
    here.told(here.room.quiet())
    here.write()
    here.write()
    deliver()
    [news] = mail.outbox[sent:]
    assert (news.subject, "We look at it." in news.body) == ("Acme works: Orders fail", True)
    leave = link("leave")
    assert leave in news.extra_headers["List-Unsubscribe"]
    anybody.post(leave)
    assert not StatusSubscriber.objects.exists()
    here.told(here.room.quiet())
    here.write()
    assert OutboxMessage.objects.filter(topic=mailing.NEWS).count() == 1
    assert anybody.get(leave).status_code == 404


def test_mail__says_the_same_of_every_address_and_not_too_often() -> None:
    here = Public()
    answers = {subscribe(here).content for _ in range(2)} | {subscribe(here, "b@x.org").content}
    assert len(answers) == 1
    assert StatusSubscriber.objects.count() == 2
    assert subscribe(here).status_code == 200
    assert subscribe(here).status_code == 429
    assert subscribe(here, "no address").status_code == 400
    with pytest.raises(RateLimited):
        services.ask_for_mail(here.page.slug, "ann@example.com")
    assert Client().get(f"/status/{here.page.slug}/confirm/forged").status_code == 404


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
    for given in ({"is_first": True}, {"slug": "acme"}):
        with pytest.raises(Conflict):
            services.change_page(other.page, actor=make.JOB, **given)
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
    assert "Everything works" in page
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
