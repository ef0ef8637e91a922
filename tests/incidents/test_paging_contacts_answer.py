"""Somebody of the contact book answers a call: by link, text message and key; what is kept and
shown of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from controlplane.access import policy
from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import NotAllowed, NotFound
from controlplane.notify import answers, availability, outbox, services
from controlplane.notify.models import (
    AnswerLink,
    Contact,
    Delivery,
    Reply,
)
from controlplane.notify.services.answers import as_contact
from controlplane.notify.services.contacts import forget_contacts
from incidents.models import Page
from incidents.paging import figures, replying
from incidents.records import moving
from incidents.response import timeline
from incidents.reviews import attending
from tests import make
from tests.kit import gateways, settled
from tests.kit import incidents as kit
from tests.kit.contacts import DESK, address, away, book, burns, line
from tests.kit.gateways import NUMBER
from tests.kit.incidents import Caller, Watchroom, role
from tests.kit.receivers import Receiver, http_receiver

pytestmark = pytest.mark.django_db


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    room.policy((300, [DESK]), (300, [role("primary_operator")]), repeats=0)
    return room


@settled.once
def desk(room: Watchroom) -> Contact:
    return book(room, name="Support desk", email="desk@partner.example", phone="+44 20 7946 0958",
                order=5)  # fmt: skip


@pytest.fixture
def lines(settings: Settings, room: Watchroom) -> Iterator[Receiver]:
    """A gateway for text messages and one for calls."""
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with http_receiver() as receiver:
        gateways.gateway(room.workspace, receiver.url)
        gateways.gateway(room.workspace, receiver.url, kind="voice")
        yield receiver


def page_of(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.uid])


# --- Answers ----------------------------------------------------------------------------------


def test_link__acknowledges_with_one_tap_as_the_contact(room: Watchroom, desk: Contact) -> None:
    incident = burns(room)
    link = AnswerLink.objects.get(contact=desk)
    phone = Client()
    shown = phone.get(address(link)).content.decode()
    assert incident.ref in shown
    assert "as Support desk" in shown
    assert "Open in the portal" not in shown, "they have no account there"
    assert phone.post(address(link)).status_code == 200
    incident.refresh_from_db()
    assert incident.acknowledged_at is not None
    assert (incident.acknowledged_by, incident.commander) == (None, None)
    assert replying.on_it(incident) == "Support desk"
    page = Page.objects.get(incident=incident)
    assert (page.status, page.answered_by_way) == ("answered", "link")
    assert kit.run_of(incident).status == "answered"
    told = AuditEvent.objects.filter(actor_ref=f"contact:{desk.pk}")
    assert set(told.values_list("actor_kind", "actor_label")) == {("contact", "Support desk")}
    assert {"incident.acknowledge", "notify.answer", "paging.answer"} <= set(
        told.values_list("action", flat=True)
    )
    again = phone.post(address(link))
    assert again.status_code == 409
    assert f"Support desk is on it already: {incident.ref}." in again.content.decode()
    desk.refresh_from_db()
    assert desk.verified_at is not None, "what stands in the book leads to somebody"
    lines = timeline.lines(incident, make.JOB)
    assert any("Called Support desk: answered" in line.what for line in lines)
    assert "Support desk (was called, without an account)" in attending.expected(incident)


def test_link__says_nothing_more_than_acknowledged(room: Watchroom, desk: Contact) -> None:
    incident = burns(room)
    link = AnswerLink.objects.get(contact=desk)
    assert Client().post(address(link, replying.RESOLVE)).status_code == 404
    with pytest.raises(NotFound):
        services.perform(link, replying.RESOLVE, by="link")
    AnswerLink.objects.filter(pk=link.pk).update(verbs=list(replying.VERBS))
    link.refresh_from_db()
    with pytest.raises(NotFound):
        services.perform(link, replying.RESOLVE, by="link")
    incident.refresh_from_db()
    assert incident.status == "detected"


def test_leave__is_for_one_thing_in_one_workspace(room: Watchroom, desk: Contact) -> None:
    actor = as_contact(desk, answers.VERBS[replying.ACKNOWLEDGE].leave)
    here, elsewhere = room.quiet("sev1"), Watchroom().quiet("sev1")
    assert policy.can(actor, "incident.acknowledge", here)
    assert not policy.can(actor, "incident.acknowledge", elsewhere)
    for action in ("incident.view", "incident.resolve", "incident.comment", "contact.manage"):
        assert not policy.can(actor, action, here), action
    with pytest.raises(NotAllowed):
        moving.resolve(here, actor=actor, reason="It is over.")
    with pytest.raises(NotAllowed):
        moving.acknowledge(elsewhere, actor=actor)


def test_person_on_it__keeps_it_when_a_contact_says_so_too(room: Watchroom, desk: Contact) -> None:
    incident = burns(room)
    moving.acknowledge(incident, actor=room.by(room.lead))
    actor = as_contact(desk, answers.VERBS[replying.ACKNOWLEDGE].leave)
    moving.acknowledge(incident, actor=actor, way="link")
    incident.refresh_from_db()
    assert incident.acknowledged_by == room.lead
    assert replying.on_it(incident) == "Engineering lead"


def test_reply_by_text_message__acknowledges_and_strangers_hear_nothing(
    room: Watchroom, desk: Contact, lines: Receiver
) -> None:
    incident = burns(room)
    room.later(121)
    outbox.send_due()
    gateway = line(room)
    stranger = {"from": "+442079460111", "text": "ack", "id": "1"}
    said = gateways.calls(gateway, "inbound", stranger).json()
    assert (said["result"], said["reply"]) == ("stranger", "")
    over = gateways.calls(gateway, "inbound", {"from": NUMBER, "text": "resolve", "id": "2"})
    assert over.json()["result"] == "help", "not theirs to say"
    done = gateways.calls(
        gateway, "inbound", {"from": "0044 20 7946 0958", "text": "Ack", "id": "3"}
    )
    assert done.json()["reply"].startswith(f"You are on it: {incident.ref}")
    row = Reply.objects.get(provider_id="3")
    assert (row.contact, row.person, row.result) == (desk, None, "done")
    incident.refresh_from_db()
    assert incident.acknowledged_at is not None


def test_reply__two_open_are_told_apart_by_their_codes(
    room: Watchroom, desk: Contact, lines: Receiver
) -> None:
    """Also where one telephone stands in the book for two purposes."""
    book(room, "composio_support", name="The same desk", phone="0044 2079460958")
    room.policy((300, [{"kind": "contact", "ref": "composio_support"}]), slug="other")
    first, second = burns(room), room.quiet("sev1", title="Another")
    room.begin(second, "other")
    room.tick()
    gateway = line(room)
    asked = gateways.calls(gateway, "inbound", {"from": NUMBER, "text": "ack", "id": "1"}).json()
    assert asked["result"] == "help"
    code = replying.code_of(second)
    said = {"from": NUMBER, "text": f"{code} ack", "id": "2"}
    assert gateways.calls(gateway, "inbound", said).json()["result"] == "done"
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.acknowledged_at is None, second.acknowledged_at is None) == (True, False)


def test_key_of_the_telephone__acknowledges(
    room: Watchroom, desk: Contact, lines: Receiver
) -> None:
    incident = burns(room)
    room.later(121)
    room.later(121)
    outbox.send_due()
    call = Delivery.objects.get(contact=desk, method="voice")
    said = gateways.calls(line(room, "voice"), "keys", {"digits": "4", "id": "C1"}, delivery=call)
    assert said.json()["reply"].startswith("You are on it")
    assert Page.objects.get(incident=incident).status == "answered"


def test_acknowledged_and_silence__the_levels_people_are_called(
    room: Watchroom, desk: Contact
) -> None:
    """Nobody without an account can say how it stands: it lapses like any other."""
    incident = burns(room)
    services.perform(AnswerLink.objects.get(contact=desk), replying.ACKNOWLEDGE, by="link")
    room.later(30 * 60 + 1, tick=False)
    room.promises()
    room.promises()
    room.tick()
    incident.refresh_from_db()
    assert incident.acknowledged_at is None
    assert "Primary operator" in kit.called(incident)


# --- Rows and pages ---------------------------------------------------------------------------


def test_call_nobody_answered__is_a_missed_one(room: Watchroom, desk: Contact) -> None:
    incident = burns(room)
    spaces = [room.workspace.pk]
    late = incident.opened_at.replace(year=incident.opened_at.year + 1)
    rows = figures.missed_pages(spaces, {(room.workspace.pk, "sev1"): 300}, late)
    assert [row.whom for row in rows] == ["Support desk"]


def test_database__keeps_one_target_and_one_asked(room: Watchroom, desk: Contact) -> None:
    burns(room)
    mail = Delivery.objects.get(contact=desk)
    link = AnswerLink.objects.get(contact=desk)
    for row, wrong in (
        (mail, {"user": room.lead}), (mail, {"contact": None}),
        (link, {"person": room.lead}), (link, {"contact": None}),
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            type(row).objects.filter(pk=row.pk).update(**wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        Contact.objects.filter(pk=desk.pk).update(from_time="09:00", until_time="09:00")


def test_person_who_is_erased__leaves_the_book_and_the_calls_stay(
    room: Watchroom, desk: Contact
) -> None:
    incident = burns(room)
    Contact.objects.filter(pk=desk.pk).update(user=room.vp)
    other = book(room, "legal", name="Vera", user=room.vp, phone="+1 202 555 0100")
    assert forget_contacts(room.vp.pk) == 2
    assert not Contact.objects.filter(pk=other.pk).exists()
    desk.refresh_from_db()
    assert (desk.user, desk.name, desk.email, desk.phone) == (None, "erased", "", "")
    assert not desk.is_active
    assert Page.objects.get(incident=incident).contact == desk


def test_api__tells_their_hours_and_ways_and_takes_them(room: Watchroom, desk: Contact) -> None:
    command = Caller(room.person("operations_command"))
    made = command.post(
        "/api/v1/contacts",
        {"purpose": "legal", "name": "Counsel", "phone": "+1 202 555 0100", "days": "mon_fri",
         "from_time": "09:00", "until_time": "17:30", "time_zone": "America/New_York"},
    )  # fmt: skip
    kept = Contact.objects.get(uid=made["uid"])
    assert availability.words(kept) == "Monday to Friday, 09:00 to 17:30 America/New_York"
    assert (made["from_time"], made["time_zone"]) == ("09:00:00", "America/New_York")
    for wrong in ({"time_zone": "Mars/Olympus"}, {"from_time": "09:00", "until_time": None},
                  {"days": "never"}):  # fmt: skip
        answer = command.refused("PATCH", f"/api/v1/contacts/{made['uid']}", wrong)
        assert answer.status_code == 400, wrong
    burns(room)
    row = Caller(room.lead).get("/api/v1/pages")["items"][0]
    assert (row["name"], row["target"]) == ("Support desk", f"contact:{desk.pk}")


def test_console__shows_when_and_how_they_are_called(room: Watchroom, desk: Contact) -> None:
    services.change_contact(desk, actor=make.JOB, **away())
    incident = burns(room)
    browser = make.client(room.person("operations_command"))
    page = browser.get(page_of(desk)).content.decode()
    assert "calls them by e-mail and telephone" in page
    assert "is there again at" in page
    services.change_contact(desk, actor=make.JOB, days="all")
    incident = burns(room)
    page = browser.get(page_of(desk)).content.decode()
    assert incident.ref in page, "what they were sent"
    run = kit.run_of(incident)
    assert "Support desk" in browser.get(page_of(run)).content.decode()
    shown = browser.get(page_of(incident)).content.decode()
    assert "Support desk" in shown


def test_stranger__sees_and_calls_nobody_of_anothers_book(room: Watchroom, desk: Contact) -> None:
    other = Watchroom()
    other.everybody()
    other.policy((300, [DESK]), (300, [role("primary_operator")]), repeats=0)
    incident = other.quiet("sev1")
    other.begin(incident, "own")
    other.tick()
    assert Delivery.objects.filter(contact=desk).count() == 0
    browser = make.client(other.admin)
    assert browser.get(page_of(desk)).status_code in {302, 403, 404}
    assert Caller(other.admin).refused("GET", f"/api/v1/contacts/{desk.uid}").status_code == 404
