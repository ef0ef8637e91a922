"""Receipts, and text messages that came back."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from controlplane.access.models import User, Workspace
from controlplane.audit.models import AuditEvent
from controlplane.notify import answers, deliveries, outbox, replies, services
from controlplane.notify.deliveries import Event
from controlplane.notify.models import (
    Channel,
    ContactMethod,
    Delivery,
    OutboxMessage,
    Reply,
)
from tests import make
from tests.kit import gateways, settled
from tests.kit.gateways import NUMBER, calls
from tests.kit.receivers import Receiver, http_receiver
from tests.kit.replies import act, done, over, page, sent

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def verbs() -> Iterator[None]:
    done.clear()
    over.clear()
    answers.register(
        "test.a", label="Acknowledge", act=act, words=["ack", "a"], digit="4",
        over=lambda link: over.get(link.subject, ""),
    )  # fmt: skip
    answers.register("test.r", label="Resolve", act=act, words=["resolve"], digit="6")
    yield
    del answers.VERBS["test.a"], answers.VERBS["test.r"]


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def ana(workspace: Workspace) -> User:
    return make.person(workspace, "primary_operator")


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def texts(workspace: Workspace, receiver: Receiver) -> Channel:
    return gateways.gateway(workspace, receiver.url)


@pytest.fixture
def phone(ana: User) -> ContactMethod:
    return gateways.way(ana)


# --- Receipts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "twilio"])
def test_receipt__is_kept_with_its_time(
    workspace: Workspace, ana: User, phone: ContactMethod, receiver: Receiver, form: str
) -> None:
    channel = gateways.gateway(workspace, receiver.url, form=form)
    delivery = sent(page(ana, workspace, methods=[phone]))
    said = {"MessageStatus": "delivered"} if form == "twilio" else {"status": "delivered"}
    assert calls(channel, "receipts", said, delivery=delivery).status_code == 200
    delivery.refresh_from_db()
    assert (delivery.state, delivery.receipt) == ("sent", "delivered")
    assert delivery.receipt_at is not None


def test_receipt_that_it_failed__is_a_failed_delivery_told_to_its_owner(
    workspace: Workspace, ana: User, phone: ContactMethod, texts: Channel
) -> None:
    heard: list[str] = []

    def handler(delivery: Delivery, event: Event) -> None:
        heard.append(event.value)

    deliveries.on_settled("page.", handler)
    try:
        news = page(ana, workspace, methods=[phone])
        said = {"status": "undelivered", "detail": "30003"}
        calls(texts, "receipts", said, delivery=sent(news))
        calls(texts, "receipts", said, delivery=sent(news))
    finally:
        deliveries._HANDLERS.remove(("page.", handler))
    assert heard == ["sent", "undelivered"]
    assert (sent(news).state, sent(news).why) == ("undelivered", "Failed: 30003")
    news.refresh_from_db()
    assert news.undelivered_at is not None


def test_receipts_out_of_order__the_last_word_stands(
    workspace: Workspace, ana: User, phone: ContactMethod, texts: Channel
) -> None:
    delivery = sent(page(ana, workspace, methods=[phone]))
    for status in ("delivered", "sent", "failed"):
        calls(texts, "receipts", {"status": status}, delivery=delivery)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.receipt) == ("sent", "delivered")


def test_receipt_before_our_own_answer__is_not_forgotten(
    workspace: Workspace, ana: User, phone: ContactMethod, texts: Channel
) -> None:
    news = services.page(
        ana, workspace_id=workspace.pk, kind="page.test", key="k", subject="S", methods=[phone]
    )
    OutboxMessage.objects.filter(topic="notify.code").delete()
    calls(texts, "receipts", {"status": "failed"}, delivery=sent(news))
    assert sent(news).state == "waiting"
    outbox.send_due()
    assert sent(news).state == "undelivered"


def test_voice_box__counts_as_nobody(workspace: Workspace, ana: User, receiver: Receiver) -> None:
    channel = gateways.gateway(workspace, receiver.url, kind="voice", form="twilio")
    delivery = sent(page(ana, workspace, methods=[gateways.way(ana, "voice")]))
    said = {"CallStatus": "completed", "AnsweredBy": "machine_start"}
    calls(channel, "receipts", said, delivery=delivery)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.receipt) == ("undelivered", "no_answer")


@pytest.mark.parametrize("form", ["json", "twilio"])
def test_call_that_is_not_signed__is_refused(
    workspace: Workspace, ana: User, phone: ContactMethod, receiver: Receiver, form: str
) -> None:
    channel = gateways.gateway(workspace, receiver.url, form=form)
    delivery = sent(page(ana, workspace, methods=[phone]))
    said = {"MessageStatus": "failed", "status": "failed"}
    wrong = calls(channel, "receipts", said, delivery=delivery, secret="another-secret-of-length")
    path = gateways.path_of(channel, "receipts", delivery)
    bare = Client().post(path, said, content_type="application/json")
    assert (wrong.status_code, bare.status_code) == (403, 403)
    delivery.refresh_from_db()
    assert delivery.receipt == ""


def test_gateway_of_another_workspace__tells_nothing_about_ours(
    workspace: Workspace, ana: User, phone: ContactMethod, texts: Channel
) -> None:
    delivery = sent(page(ana, workspace, methods=[phone]))
    theirs = gateways.gateway(make.workspace())
    answer = calls(theirs, "receipts", {"status": "failed"}, delivery=delivery)
    assert answer.status_code == 404
    unknown = calls(texts, "receipts", {"status": "gone fishing"}, delivery=delivery)
    assert unknown.status_code == 400


# --- Text messages that come in -----------------------------------------------------------------


def say(channel: Channel, text: str, sender: str = NUMBER, number: str = "m1") -> str:
    answer = calls(channel, "inbound", {"from": sender, "text": text, "id": number})
    assert answer.status_code == 200, answer.content
    return str(answer.json()["reply"])


@pytest.mark.parametrize("text", ["ack", " ACK ", "a", "{code} ack", "ack {code}"])
def test_word__does_it_as_the_person_whose_number_it_is(
    workspace: Workspace, ana: User, phone: ContactMethod, texts: Channel, text: str
) -> None:
    news = page(ana, workspace, methods=[phone])
    code = news.answer_links.get().code
    assert say(texts, text.format(code=code)) == "Acknowledged x:1."
    assert done == [(ana.email, "x:1")]
    event = AuditEvent.objects.about(news).get(action="notify.answer")
    assert event.actor_label == ana.email
    reply = Reply.objects.get()
    assert (reply.person, reply.result, reply.link) == (ana, "done", news.answer_links.get())


def test_same_message_twice__is_one_reply(
    workspace: Workspace, ana: User, phone: ContactMethod, texts: Channel
) -> None:
    page(ana, workspace, methods=[phone])
    assert say(texts, "ack") == say(texts, "ack")
    assert len(done) == 1
    assert Reply.objects.count() == 1


def test_several_open__one_has_to_be_named(
    workspace: Workspace, ana: User, phone: ContactMethod, texts: Channel
) -> None:
    first, second = page(ana, workspace), page(ana, workspace, "x:2")
    said = say(texts, "ack")
    assert done == []
    codes = [news.answer_links.get().code for news in (first, second)]
    assert all(f"{code} ACK" in said for code in codes)
    assert say(texts, f"{codes[0]} ack", number="m2") == "Acknowledged x:1."
    over["x:1"] = "It is acknowledged."
    assert say(texts, "ack", number="m3") == "Acknowledged x:2.", "one is left"


def test_all__means_every_open_one(
    workspace: Workspace, ana: User, phone: ContactMethod, texts: Channel
) -> None:
    page(ana, workspace)
    page(ana, workspace, "x:2")
    say(texts, "ack all")
    assert {subject for _, subject in done} == {"x:1", "x:2"}


def test_unknown_word__is_told_what_can_be_said(
    workspace: Workspace, ana: User, phone: ContactMethod, texts: Channel
) -> None:
    news = page(ana, workspace)
    code = news.answer_links.get().code
    assert f"{code} ACK: acknowledge About x:1" in say(texts, "what?")
    assert Reply.objects.get().result == "help"
    services.revoke_answers("x:1", workspace_id=workspace.pk, why="Resolved.")
    assert say(texts, "ack", number="m2").startswith("Nothing waits for your answer.")


def test_refusal__is_said(
    workspace: Workspace, ana: User, phone: ContactMethod, texts: Channel
) -> None:
    page(ana, workspace, "x:refuses")
    assert say(texts, "ack") == "It is resolved already."
    assert Reply.objects.get().result == "refused"


@pytest.mark.parametrize("sender", ["+4915112345678", "nobody", "+1\x00"])
def test_stranger__gets_no_answer_and_does_nothing(
    workspace: Workspace, ana: User, phone: ContactMethod, texts: Channel, sender: str
) -> None:
    page(ana, workspace)
    answer = calls(texts, "inbound", {"from": sender, "text": "ack", "id": "m1"})
    if answer.status_code == 200:
        assert answer.json() == {"result": "stranger", "reply": ""}
    assert done == []


def test_somebody_who_works_elsewhere__is_a_stranger_here(texts: Channel) -> None:
    bob = make.person(make.workspace(), "primary_operator")
    gateways.way(bob)
    assert say(texts, "ack") == ""
    assert Reply.objects.get().result == "stranger"


def test_number_that_was_never_proven__is_a_strangers(texts: Channel, ana: User) -> None:
    services.add_method(ana, actor=make.actor(ana), kind="sms", target=NUMBER)
    assert say(texts, "ack") == ""


def test_twilio__is_answered_in_its_form(
    workspace: Workspace, ana: User, phone: ContactMethod, receiver: Receiver
) -> None:
    channel = gateways.gateway(workspace, receiver.url, form="twilio")
    page(ana, workspace)
    said = {"From": NUMBER, "To": "+1", "Body": "<ack> & so", "MessageSid": "SM1"}
    answer = calls(channel, "inbound", said)
    assert answer["Content-Type"].startswith("text/xml")
    text = ElementTree.fromstring(answer.content).findtext("Message")
    assert text is not None
    assert "ACK: acknowledge" in text
    stranger = calls(channel, "inbound", said | {"From": "+4915112345678", "MessageSid": "SM2"})
    assert stranger.content == b"<Response></Response>"


def test_registered_word__is_heard_whatever_stands_open(
    ana: User, phone: ContactMethod, texts: Channel
) -> None:
    replies.register("status", lambda said: f"{said.person.email}: {said.rest}", help="what is on")
    try:
        assert say(texts, "STATUS checkout") == f"{ana.email}: checkout"
    finally:
        del replies.WORDS["status"]
