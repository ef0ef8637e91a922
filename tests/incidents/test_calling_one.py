"""One of the contact book is called to an incident by name, though somebody is on it already."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from controlplane.lib.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from controlplane.notify import answers, services
from controlplane.notify.models import AnswerLink, Contact
from incidents.models import EscalationRun, Incident, Page
from incidents.paging import replying
from incidents.records import calling, moving
from incidents.response import timeline
from tests import make
from tests.kit import incidents as kit
from tests.kit import settled
from tests.kit.deployments import deliver
from tests.kit.incidents import Caller, Watchroom

pytestmark = pytest.mark.django_db
MESSAGE = "Your API answers 502 since noon. Call us back."


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def book(room: Watchroom, name: str, **given: Any) -> Contact:
    values = {"family": "partner", "purpose": "openai_support", "name": name, **given}
    return services.add_contact(room.workspace, actor=make.JOB, **values)


@settled.once
def desk(room: Watchroom) -> Contact:
    return book(room, "Desk", email="desk@partner.example")


@pytest.fixture
def row(room: Watchroom) -> Incident:
    return moving.acknowledge(room.quiet("sev2"), actor=room.by(room.primary))


def call(row: Incident, room: Watchroom, contact: Contact, **given: Any) -> Incident:
    values = {"actor": room.by(room.primary), "message": MESSAGE, **given}
    done = calling.call_contact(row, contact=contact, **values)
    room.tick()
    return done


def tap(contact: Contact) -> Any:
    link = AnswerLink.objects.filter(contact=contact).latest("pk")
    url = answers.url_of(link, replying.ACKNOWLEDGE)
    return Client().post("/" + url.partition("://")[2].partition("/")[2])


def said(room: Watchroom, row: Incident) -> str:
    return "\n".join(f"{line.what} {line.why}" for line in timeline.lines(row, room.by(room.admin)))


def test_contact__reads_the_message_and_answers_by_one_tap(
    room: Watchroom, row: Incident, desk: Contact
) -> None:
    call(row, room, desk)
    assert kit.called(row) == ["Desk"]
    page = Page.objects.select_related("notification").get(incident=row)
    assert page.why == "chosen from the contact book"
    assert page.notification is not None
    assert MESSAGE in page.notification.body
    assert tap(desk).status_code == 200
    page.refresh_from_db()
    assert (page.status, page.answered_by_way) == ("answered", "link")
    assert EscalationRun.objects.get(incident=row).status == "answered"
    row.refresh_from_db()
    assert row.acknowledged_by == room.primary
    again = tap(desk)
    assert "already" in again.content.decode()


def test_contact__stands_on_the_timeline(room: Watchroom, row: Incident, desk: Contact) -> None:
    call(row, room, desk)
    tap(desk)
    told = said(room, row)
    assert f"called others to the incident: Desk {MESSAGE}" in told
    assert "Called Desk: answered" in told
    deliver()
    assert row.item is not None
    talk = dict(row.item.comments.values_list("text", "author"))
    assert f"Desk is called from the contact book. {MESSAGE}" in talk
    assert talk["On it, too: nobody else is called."] == "Desk"


def test_one_after_the_other__each_reads_their_own(
    room: Watchroom, row: Incident, desk: Contact
) -> None:
    call(row, room, desk)
    with pytest.raises(Invalid, match="being called already"):
        call(row, room, desk)
    second = book(room, "Data desk", email="data@partner.example")
    call(row, room, second, message="Rows are gone.")
    assert kit.called(row) == ["Desk", "Data desk"]
    body = Page.objects.select_related("notification").latest("pk").notification
    assert body is not None
    assert "Rows are gone." in body.body


def test_nobody_else_is_called__and_whoever_has_an_account_by_it(
    room: Watchroom, row: Incident
) -> None:
    known = book(room, "Lead", user=room.lead, email=room.lead.email)
    call(row, room, known)
    assert kit.called(row) == ["Engineering lead"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"phone": "+44 20 7946 0958"}, "no gateway"),
        ({"handle": "@desk"}, "only what can't be called"),
    ],
)
def test_who_cannot_be_called__is_refused_at_once(
    room: Watchroom, row: Incident, given: dict[str, str], why: str
) -> None:
    with pytest.raises(Invalid) as refused:
        call(row, room, book(room, "Mute", **given))
    assert why in str(refused.value.details)
    assert not EscalationRun.objects.filter(incident=row).exists()


def test_what_makes_no_sense__is_refused(room: Watchroom, row: Incident, desk: Contact) -> None:
    other = services.add_contact(
        make.workspace(), actor=make.JOB, purpose="lead", name="E", email="e@x.example"
    )
    with pytest.raises(Invalid):
        call(row, room, desk, message=" ")
    with pytest.raises(Invalid):
        call(row, room, other)
    with pytest.raises(Conflict):
        call(row, room, desk, version=row.version + 1)
    services.remove_contact(desk, actor=make.JOB)
    with pytest.raises(Invalid):
        call(row, room, desk)
    moving.cancel(row, actor=room.by(room.primary), reason="Nothing.")
    with pytest.raises(InvalidTransition):
        call(row, room, desk)


def test_stranger__calls_nobody(room: Watchroom, row: Incident, desk: Contact) -> None:
    for person in (room.person("viewer"), Watchroom().primary):
        with pytest.raises(NotAllowed):
            calling.call_contact(row, contact=desk, actor=make.actor(person), message=MESSAGE)
    given = {"contact": str(desk.uid), "message": MESSAGE}
    path = f"/api/v1/incidents/{row.ref}/call"
    assert Caller(Watchroom().primary).refused("POST", path, given).status_code == 404


def test_over_the_api_and_from_its_page(room: Watchroom, row: Incident, desk: Contact) -> None:
    given = {"contact": str(desk.uid), "message": MESSAGE}
    Caller(room.primary).post(f"/api/v1/incidents/{row.ref}/call", given)
    browser = make.client(room.primary)
    page = f"/admin/incidents/incident/{row.uid}/"
    assert "Call one contact" in browser.get(f"{page}change/").content.decode()
    asked = browser.get(f"{page}move/call/").content.decode()
    assert "Desk: Openai support (e-mail; at any time)" in asked
    second = book(room, "Second", email="second@partner.example")
    row.refresh_from_db()
    form = {"contact": second.pk, "message": "Now you.", "version": row.version}
    assert browser.post(f"{page}move/call/", {**form, "message": ""}).status_code == 400
    assert browser.post(f"{page}move/call/", form).status_code == 302
    room.tick()
    assert kit.called(row) == ["Desk", "Second"]
