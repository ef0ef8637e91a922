"""Readers of a status page: who asked by mail and said yes, what they are told of incidents and of
maintenance, and that it is said once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core import mail
from django.db.models import F
from django.test import Client

from controlplane.catalog.models import Component
from controlplane.lib import clock
from controlplane.lib.errors import RateLimited
from controlplane.notify.models import OutboxMessage
from deployments.maintenance import services as upkeep
from incidents.models import StatusPage, StatusSubscriber
from incidents.status import mailing, services, serving
from tests import make
from tests.kit import catalog as entries
from tests.kit import maintenance
from tests.kit.deployments import deliver
from tests.kit.status import Public, readers, subscribe

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.STATE_DIR = tmp_path
    serving.forget()
    yield
    serving.forget()


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


def test_mail__one_row_for_each_piece_of_news_spread_in_portions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailing, "PORTION", SimpleNamespace(value=2))
    here = Public()
    some = readers(here, 5)
    here.told(here.room.quiet())
    here.write()
    here.write()
    [one] = OutboxMessage.objects.filter(topic=mailing.SPREAD)
    assert not OutboxMessage.objects.filter(topic=mailing.NEWS).exists()
    assert mailing.spread(one).kind == "accepted"
    assert mailing.spread(one).kind == "held"  # two are on their way: what is urgent is not behind
    assert OutboxMessage.objects.filter(topic=mailing.NEWS).count() == 2
    while OutboxMessage.objects.filter(state="waiting").exists():
        OutboxMessage.objects.filter(state="waiting").update(ready_at=clock.now())
        deliver()
    told = [address for each in mail.outbox for address in each.to]
    assert sorted(told) == [each.email for each in some]


def test_mail__who_confirmed_after_it_was_said_or_while_it_was_closed_is_not_told() -> None:
    here = Public()
    here.told(here.room.quiet())
    readers(here, 1)
    here.write()
    deliver()
    services.change_page(here.page, actor=make.JOB, is_open=False)
    here.told(here.room.quiet())
    services.change_page(here.page, actor=make.JOB, is_open=True)
    StatusPage.objects.update(told_until=F("told_until") + timedelta(minutes=6))
    here.write()
    deliver()
    assert mail.outbox == []


def test_mail__asked_again_renews_the_week() -> None:
    here = Public()
    subscribe(here)
    StatusSubscriber.objects.update(asked_at=clock.now() - timedelta(days=6, hours=23))
    subscribe(here)
    assert clock.now() - StatusSubscriber.objects.get().asked_at < timedelta(hours=1)


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


def test_maintenance__announced_begun_over_and_called_off__once_each() -> None:
    monday = datetime(2027, 3, 1, 12, tzinfo=UTC)
    with maintenance.at(monday):
        here = Public()
        world = maintenance.World(here.workspace)
        Component.objects.create(
            workspace=here.workspace, service=world.service(), slug="api", name="Orders",
            is_public=True,
        )  # fmt: skip
        readers(here, 1)
        start = monday + timedelta(days=19, hours=15)
        given = {
            "starts_at": start,
            "ends_at": start + timedelta(hours=2),
            "about": "Short breaks.",
        }
        off = world.scheduled(
            title="Never mind", **given, services=[entries.service(here.workspace)]
        )
        off = upkeep.announce(off, actor=world.actor)
        row = world.approved_window(title="A larger disk", **given)
        here.write()
        upkeep.cancel(maintenance.again(off), actor=world.actor, reason="Secret reason")
        here.write()
        deliver()
        [planned] = here.json()["scheduled_maintenances"]
        assert (planned["name"], planned["status"]) == ("A larger disk", "scheduled")
        assert [each["name"] for each in planned["components"]] == ["Orders"]
    maintenance.tell_in_time(row)
    with maintenance.at(start):
        here.write()
        deliver()
        row = upkeep.start(maintenance.again(row), actor=world.actor)
        here.write()
        deliver()
        assert here.json()["components"][0]["status"] == "under_maintenance"
    with maintenance.at(start + timedelta(hours=1)):
        row = upkeep.finish(maintenance.again(row), actor=world.actor)
    with maintenance.at(start + timedelta(hours=6)):
        maintenance.finish_tasks(row, world.actor)
        upkeep.close(maintenance.again(row), actor=world.actor, reason="Secret reason")
        here.write()
        here.write()
        deliver()
        deliver()
        feed = here.read("feed.atom")
        page = here.read()
    told = [each for each in mail.outbox if "reader0@" in each.to[0]]
    assert [str(each.subject) for each in told] == [
        "Acme works: Maintenance on Sun 21 Mar: Never mind",
        "Acme works: Maintenance on Sun 21 Mar: A larger disk",
        "Acme works: Maintenance is cancelled: Never mind",
        "Acme works: Maintenance begins: A larger disk",
        "Acme works: Maintenance is over: A larger disk",
    ]
    first = str(told[0].body)
    assert "2027-03-21 03:00 to 2027-03-21 05:00 UTC" in first
    assert "Short breaks." in first
    for said in (feed, page):
        assert "A larger disk" in said
        assert "Secret reason" not in said
    ElementTree.fromstring(feed)
