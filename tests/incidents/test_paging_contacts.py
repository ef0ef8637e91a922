"""Somebody without an account is called: from the contact book, by mail and telephone, in their
hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from email.message import Message

import pytest
from django.db.models.functions import Now
from django.test import Client
from pytest_django.fixtures import Settings

from controlplane.notify import outbox, services
from controlplane.notify.models import (
    AnswerLink,
    Contact,
    Delivery,
    DeliveryAttempt,
)
from incidents.models import Page
from incidents.paging import preview, replying
from incidents.paging.targets import Target
from incidents.paging.who import Finder
from tests import make
from tests.kit import gateways, settled
from tests.kit import incidents as kit
from tests.kit.contacts import DESK, address, away, book, burns, by, line
from tests.kit.gateways import NUMBER
from tests.kit.incidents import Watchroom, role
from tests.kit.receivers import Receiver, http_receiver, mail_receiver

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


def body_of(letter: Message) -> str:
    parts = [part for part in letter.walk() if part.get_content_maintype() == "text"]
    return "".join(bytes(part.get_payload(decode=True)).decode() for part in parts)


# --- Who is called, and how -------------------------------------------------------------------


def test_step_that_names_a_contact__calls_by_mail_then_by_telephone(
    room: Watchroom, desk: Contact, lines: Receiver
) -> None:
    incident = burns(room)
    assert (kit.called(incident), by(incident)) == (["Support desk"], ["email"])
    page = Page.objects.get(incident=incident)
    assert (page.contact, page.target) == (desk, f"contact:{desk.pk}")
    assert page.why == "in the contact book for openai support"
    room.later(119)
    assert by(incident) == ["email"]
    room.later(2)
    room.later(121)  # when the call began can't be moved, only when it goes on
    assert by(incident) == ["email", "sms", "voice"]
    room.later(300)
    assert kit.called(incident) == ["Support desk", "Primary operator"]


def test_mail_and_text_message__leave_for_real_with_what_may_be_answered(
    room: Watchroom, desk: Contact, lines: Receiver, settings: Settings
) -> None:
    incident = burns(room)
    room.later(121)
    with mail_receiver() as mailbox:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mailbox.port
        outbox.send_due()
    [letter] = [each for each in mailbox.messages if each["To"] == desk.email]
    link = AnswerLink.objects.get(contact=desk)
    assert address(link) in body_of(letter)
    assert link.verbs == [replying.ACKNOWLEDGE], "that it is over is said by who can look"
    text = lines.received[0].json()
    assert text["to"] == NUMBER
    assert link.code in text["text"]
    states = set(Delivery.objects.filter(contact=desk).values_list("state", flat=True))
    assert states == {"sent"}
    assert Page.objects.get(incident=incident).sent_at is None
    room.tick()
    assert Page.objects.get(incident=incident).status == "sent"


def test_role_nobody_holds__falls_to_the_book_also_by_its_specialty(room: Watchroom) -> None:
    finder = Finder.of({(room.workspace.pk, Target("role", "legal"))})
    assert finder.find(room.workspace.pk, Target("role", "legal")) == []
    lawyer = book(room, "legal", name="Outside counsel", email="counsel@law.example")
    lead = book(room, "database_lead", name="Dora", email="dora@partner.example")
    database = book(room, "database", name="Second", email="second@partner.example")
    for slug, contact in {"legal": lawyer, "compliance": lawyer, "database_lead": lead}.items():
        target = Target("role", slug)
        found = Finder.of({(room.workspace.pk, target)}).find(room.workspace.pk, target)
        assert [one.contact_id for one in found] == [contact.pk], slug
    services.remove_contact(lead, actor=make.JOB, reason="gone")
    incident = room.incident("sev1", category="database")
    room.tick()
    assert database.name in kit.called(incident)


def test_account__is_called_in_its_own_ways_even_from_the_book(room: Watchroom) -> None:
    book(room, name="Vera", user=room.vp, email="other@example.org")
    incident = burns(room)
    page = Page.objects.get(incident=incident)
    assert (page.user, page.contact, by(incident)) == (room.vp, None, ["inbox", "email"])
    assert not Delivery.objects.filter(contact__isnull=False).exists()


def test_order_of_the_book__the_first_who_can_be_called(room: Watchroom, desk: Contact) -> None:
    book(room, name="Chat only", handle="@desk", order=1)
    book(room, name="Telephone only", phone="+44 20 7946 0001", order=2)
    book(room, name="No number", phone="ask for Ann", order=3)
    book(room, name="Not today", email="not@partner.example", order=4, **away())
    incident = burns(room)
    assert kit.called(incident) == ["Support desk"], "the others can't be called now"


def test_nobody_of_the_book_can_be_called__the_next_step_is_taken_at_once(
    room: Watchroom, desk: Contact
) -> None:
    services.change_contact(desk, actor=make.JOB, **away())
    incident = burns(room)
    called, nobody = Page.objects.filter(incident=incident).order_by("user")
    assert nobody.target == "nobody:contact:openai_support"
    assert nobody.why.startswith("Support desk is there again at ")
    assert called.user == room.primary


def test_preview__shows_them_at_their_hours_only(room: Watchroom, desk: Contact) -> None:
    services.change_contact(desk, actor=make.JOB, days="mon_fri")
    current = room.policy((300, [DESK]), slug="own").current
    monday = datetime.fromisoformat("2026-11-23T12:00+00:00")
    saturday = datetime.fromisoformat("2026-11-28T12:00+00:00")
    first = preview.would_call(current, room.workspace.pk, monday)[0]
    assert [one.name for one in first.called] == ["Support desk"]
    later = preview.would_call(current, room.workspace.pk, saturday)[0]
    assert later.called == ()
    assert "2026-11-30 00:00 UTC" in later.missing[0]


def test_milder_incident__disturbs_nobody_by_telephone(
    room: Watchroom, desk: Contact, lines: Receiver
) -> None:
    incident = room.quiet("sev4")
    room.begin(incident, "own")
    room.tick()
    room.later(200)
    assert by(incident) == ["email"]


# --- Ways that fail ---------------------------------------------------------------------------


def test_way_that_fails__the_next_then_the_next_step(
    room: Watchroom, desk: Contact, lines: Receiver
) -> None:
    incident = burns(room)
    for wanted in (["email", "sms"], ["email", "sms", "voice"]):
        last = kit.deliveries(incident)[-1]
        DeliveryAttempt.objects.create(delivery=last, outcome="rejected", detail="no")
        Delivery.objects.filter(pk=last.pk).update(state="rejected", settled_at=Now())
        room.tick()
        room.tick()
        assert by(incident) == wanted
    Delivery.objects.filter(contact=desk).update(state="rejected", settled_at=Now())
    room.tick()
    room.tick()
    assert kit.called(incident) == ["Support desk", "Primary operator"]
    assert Page.objects.filter(incident=incident).earliest("pk").status == "unreached"


def test_receipt_that_it_did_not_arrive__is_heard(
    room: Watchroom, desk: Contact, lines: Receiver
) -> None:
    burns(room)
    room.later(121)
    outbox.send_due()
    text = Delivery.objects.get(contact=desk, method="sms")
    said = gateways.calls(line(room), "receipts", {"status": "undelivered"}, delivery=text)
    assert said.status_code == 200
    text.refresh_from_db()
    assert (text.state, text.receipt) == ("undelivered", "failed")
    mail = Delivery.objects.get(contact=desk, method="email")
    answer = gateways.calls(line(room), "receipts", {"status": "failed"}, delivery=mail)
    assert answer.status_code == 404, "a gateway tells of telephones only"


def test_taken_out_of_the_book__what_waits_is_not_sent(room: Watchroom, desk: Contact) -> None:
    incident = burns(room)
    link = AnswerLink.objects.get(contact=desk)
    services.remove_contact(desk, actor=make.JOB, reason="the contract ended")
    outbox.send_due()
    mail = kit.deliveries(incident)[0]
    assert (mail.state, mail.why) == ("rejected", "they were taken out of the contact book")
    assert Client().post(address(link)).status_code == 404
    room.tick()
    room.tick()
    assert kit.called(incident) == ["Support desk", "Primary operator"]


def test_one_number__gets_one_text_message_a_minute(
    room: Watchroom, desk: Contact, lines: Receiver
) -> None:
    services.change_contact(desk, actor=make.JOB, email="")
    first, second = burns(room), burns(room)
    assert (by(first), by(second)) == (["sms"], ["sms"]), "at once where there is no address"
    outbox.send_due()
    sent = Delivery.objects.filter(contact=desk, method="sms").values_list("state", flat=True)
    assert sorted(sent) == ["sent", "waiting"]
    held = Delivery.objects.get(contact=desk, state="waiting")
    outbox.send_due()
    held.refresh_from_db()
    assert held.state == "waiting"
