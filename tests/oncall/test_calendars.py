"""Calendars: what stands in them, and who gets to read one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from controlplane.access import services as access
from controlplane.access.models import User, Workspace
from controlplane.lib.errors import NotAllowed, NotFound
from controlplane.oncall import ics, services
from controlplane.oncall.models import Feed, Schedule
from controlplane.oncall.services.feeds import token_of
from tests import make
from tests.kit import oncall


def address(feed: Feed) -> str:
    return f"/oncall/calendars/{token_of(feed)}.ics"


@pytest.fixture
def rota(here: Workspace) -> tuple[Schedule, User, User]:
    schedule = oncall.schedule(here, title="Primary; on-call, \\ now")
    ann, bob = oncall.people(here, "Ann\nBEGIN:VEVENT", "Bob")
    oncall.layer(schedule, [ann, bob], starts_on=None)
    return schedule, ann, bob


def events(text: str) -> list[dict[str, str]]:
    """Unfolded lines of each entry, by name."""
    whole = text.replace("\r\n ", "")
    found = []
    for part in whole.split("BEGIN:VEVENT\r\n")[1:]:
        lines = part.split("END:VEVENT")[0].strip().split("\r\n")
        found.append(dict(line.split(":", 1) for line in lines))
    return found


def test_calendar_of_a_schedule__a_year_of_shifts(
    rota: tuple[Schedule, User, User], noon: time_machine.Traveller
) -> None:
    schedule, ann, _ = rota
    feed = services.subscribe(schedule.workspace, actor=make.actor(ann), schedule=schedule)
    answer = Client().get(address(feed))
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    found = events(answer.content.decode())
    assert 55 < len(found) < 60
    assert len({one["UID"] for one in found}) == len(found)
    assert all(one["DTSTART"].endswith("Z") for one in found)
    assert found[-1]["SUMMARY"].endswith("Primary\\; on-call\\, \\\\ now")
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    again = Client().get(address(feed), headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304


def test_names__add_no_entry_of_their_own(rota: tuple[Schedule, User, User]) -> None:
    schedule, ann, _ = rota
    feed = services.subscribe(schedule.workspace, actor=make.actor(ann), schedule=schedule)
    text = Client().get(address(feed)).content.decode()
    assert text.count("\r\nBEGIN:VEVENT") == text.count("\r\nEND:VEVENT")
    assert "Ann\\nBEGIN:VEVENT" in text.replace("\r\n ", "")


def test_own_calendar__only_ones_own(rota: tuple[Schedule, User, User]) -> None:
    schedule, ann, bob = rota
    feed = services.subscribe(schedule.workspace, actor=make.actor(bob))
    assert services.subscribe(schedule.workspace, actor=make.actor(bob)) == feed
    mine = len(events(Client().get(address(feed)).content.decode()))
    services.override(schedule, bob, actor=make.JOB, ends=datetime.now(UTC) + timedelta(minutes=30))
    assert len(events(Client().get(address(feed)).content.decode())) == mine + 1
    assert not Feed.objects.filter(person=ann).exists()


def test_same_shift__same_entry_tomorrow(here: Workspace, noon: time_machine.Traveller) -> None:
    schedule = oncall.schedule(here)
    ann, bob = oncall.people(here, "Ann", "Bob")
    oncall.layer(schedule, [ann, bob], starts_on=None)
    feed = services.subscribe(here, actor=make.actor(ann), schedule=schedule)
    first = {one["UID"]: one["DTSTART"] for one in _read(feed)}
    noon.shift(timedelta(days=1))
    second = {one["UID"]: one["DTSTART"] for one in _read(feed)}
    assert {uid: at for uid, at in second.items() if uid in first}.items() <= first.items()
    assert len(second.keys() & first.keys()) >= len(first) - 1


def _read(feed: Feed) -> list[dict[str, str]]:
    return events(Client().get(address(feed)).content.decode())


@pytest.mark.parametrize("token", ["", "x", "x.y", "0" * 32, "0" * 32 + ".", "é.ü"])
def test_wrong_link__nothing_is_here(db: None, token: str) -> None:
    assert Client().get(f"/oncall/calendars/{token}.ics").status_code == 404


def test_link__ends_with_revoking_and_with_leaving(rota: tuple[Schedule, User, User]) -> None:
    schedule, ann, bob = rota
    here = schedule.workspace
    hers, his = (services.subscribe(here, actor=make.actor(one)) for one in (ann, bob))
    guessed = f"/oncall/calendars/{hers.uid.hex}.{token_of(his).partition('.')[2]}.ics"
    assert Client().get(guessed).status_code == 404
    with pytest.raises(NotAllowed):
        services.revoke_feed(hers, actor=make.actor(make.person(here, "ux", password=None)))
    services.revoke_feed(hers, actor=make.actor(ann))
    access.remove_member(make.membership(bob, here), actor=make.JOB)
    assert [Client().get(address(one)).status_code for one in (hers, his)] == [404, 404]


def test_calendar_of_another_workspace__is_not_to_be_had(
    rota: tuple[Schedule, User, User],
) -> None:
    schedule, _, _ = rota
    other = make.workspace()
    stranger = make.actor(make.person(other, "ux", password=None))
    with pytest.raises(NotFound):
        services.subscribe(other, actor=stranger, schedule=schedule)
    with pytest.raises(NotAllowed):
        services.subscribe(schedule.workspace, actor=stranger, schedule=schedule)


def test_folding__cuts_no_character() -> None:
    line = "SUMMARY:" + "ü€😀" * 30
    parts = ics.folded(line).split(b"\r\n")
    assert all(len(part) <= 75 for part in parts)
    assert b"".join([parts[0], *[part[1:] for part in parts[1:]]]).decode() == line
