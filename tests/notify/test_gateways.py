"""Text messages and calls through gateways, against a real one on loopback."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest
import time_machine
from django.test import Client
from pytest_django.fixtures import Settings

from controlplane.access.models import User, Workspace
from controlplane.lib import clock, http
from controlplane.lib.errors import Conflict, Invalid
from controlplane.notify import answers, outbox, services
from controlplane.notify.models import Channel, ContactMethod, Delivery, Notification, OutboxMessage
from controlplane.notify.services import To
from tests import make
from tests.kit import gateways, settled
from tests.kit.gateways import ACCOUNT, NUMBER, SECRET
from tests.kit.receivers import Receiver, http_receiver

pytestmark = pytest.mark.django_db


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


@pytest.fixture(autouse=True)
def acknowledge() -> None:
    answers.register("test.ack", label="Acknowledge", act=_acknowledged, words=["ack"], digit="4")


def _acknowledged(link: object, actor: object) -> str:
    return "Acknowledged."


def page(person: User, workspace: Workspace, *ways: ContactMethod, **extra: str) -> Notification:
    given = {"key": "p1", "subject": "Checkout is <down> & out", "body": "5xx at 40 %"} | extra
    news = services.page(
        person, workspace_id=workspace.pk, kind="page.test", methods=ways,
        respond=answers.Respond("x:1", ["test.ack"]), **given,  # type: ignore[arg-type]
    )  # fmt: skip
    # The codes of the ways are no part of this.
    OutboxMessage.objects.filter(topic="notify.code").delete()
    outbox.send_due()
    return news


def row(news: Notification) -> Delivery:
    found: Delivery = Delivery.objects.exclude(method="inbox").get(notification=news)
    return found


def test_json__signed_with_what_can_be_answered(
    workspace: Workspace, ana: User, receiver: Receiver
) -> None:
    channel = gateways.gateway(workspace, receiver.url)
    receiver.will_answer(202, b'{"id": "msg-7"}')
    news = page(ana, workspace, gateways.way(ana))
    (got,) = receiver.received
    assert http.verify(SECRET.encode(), got.body, got.headers, clock.now())
    said, delivery = got.json(), row(news)
    assert (said["type"], said["to"], said["id"]) == ("sms", NUMBER, str(delivery.uid))
    assert got.headers["Idempotency-Key"] == str(delivery.uid)
    assert said["callback"].endswith(gateways.path_of(channel, "receipts", delivery))
    code = news.answer_links.get().code
    assert f"Reply {code} ACK to acknowledge." in said["text"]
    assert "/answer/test.ack/" in said["text"]
    assert (delivery.state, delivery.provider_id, delivery.gateway) == ("sent", "msg-7", channel)


def test_twilio__form_with_basic_authentication(
    workspace: Workspace, ana: User, receiver: Receiver
) -> None:
    gateways.gateway(workspace, receiver.url + "/2010-04-01", form="twilio")
    sid = "SM" + "1a" * 16
    receiver.will_answer(201, b'{"sid": "%s", "status": "queued"}' % sid.encode())
    news = page(ana, workspace, gateways.way(ana))
    (got,) = receiver.received
    assert got.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    token = base64.b64encode(f"{ACCOUNT}:{SECRET}".encode()).decode()
    assert got.headers["Authorization"] == f"Basic {token}"
    said = {name: values[0] for name, values in parse_qs(got.body.decode()).items()}
    assert (said["To"], said["From"]) == (NUMBER, "+15005550006")
    assert "Checkout is <down> & out" in said["Body"]
    assert "/receipts/" in said["StatusCallback"]
    assert row(news).provider_id == sid


def test_twilio_call__is_well_formed_and_asks_for_a_key(
    workspace: Workspace, ana: User, receiver: Receiver
) -> None:
    gateways.gateway(workspace, receiver.url, kind="voice", form="twilio")
    receiver.will_answer(201, b'{"sid": "CA1"}')
    page(ana, workspace, gateways.way(ana, "voice"), body="Look at https://a.example/ now\x07")
    (got,) = receiver.received
    assert got.path == f"/Accounts/{ACCOUNT}/Calls.json"
    twiml = ElementTree.fromstring(parse_qs(got.body.decode())["Twiml"][0])
    gather = twiml.find("Gather")
    assert gather is not None
    assert "/keys/" in gather.attrib["action"]
    said = [each.text for each in gather.findall("Say")]
    assert said[0] == "Critical alert. Checkout is <down> & out. Look at now"
    assert said[1] == "Press 4 to acknowledge."


def test_json_call__names_its_keys(workspace: Workspace, ana: User, receiver: Receiver) -> None:
    gateways.gateway(workspace, receiver.url, kind="voice")
    page(ana, workspace, gateways.way(ana, "voice"))
    said = receiver.received[0].json()
    assert said["keys"] == [{"digit": "4", "means": "test.ack"}]
    assert said["say"].startswith("Critical alert.")


@pytest.mark.parametrize("length", [10, 200, 8000])
def test_long_message__keeps_what_to_reply(
    workspace: Workspace, ana: User, receiver: Receiver, length: int
) -> None:
    gateways.gateway(workspace, receiver.url)
    page(ana, workspace, gateways.way(ana), body="x " * (length // 2))
    text = receiver.received[0].json()["text"]
    assert len(text) <= 900
    assert "/answer/test.ack/" in text


def test_number_refused__is_no_fault_of_the_gateway(
    workspace: Workspace, ana: User, receiver: Receiver
) -> None:
    channel = gateways.gateway(workspace, receiver.url, form="twilio")
    gateways.gateway(workspace, receiver.url, form="twilio")
    receiver.will_answer(400, b'{"code": 21211, "message": "Invalid To"}')
    way = gateways.way(ana)
    news = page(ana, workspace, way)
    assert row(news).state == "rejected"
    assert len(receiver.received) == 1, "the other gateway would say the same"
    channel.refresh_from_db()
    way.refresh_from_db()
    assert (channel.failures_in_a_row, way.failures_in_a_row) == (0, 1)


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503, 429])
def test_gateway_at_fault__the_other_one_carries_it(
    workspace: Workspace, ana: User, receiver: Receiver, status: int
) -> None:
    broken = gateways.gateway(workspace, receiver.url + "/broken")
    works = gateways.gateway(workspace, receiver.url + "/works")
    receiver.answer_by_path["/broken"] = status
    way = gateways.way(ana)
    delivery = row(page(ana, workspace, way))
    assert (delivery.state, delivery.gateway) == ("sent", works)
    assert list(delivery.attempts.values_list("status", flat=True)) == [status, 200]
    broken.refresh_from_db()
    way.refresh_from_db()
    assert (broken.failures_in_a_row, way.failures_in_a_row) == (1, 0)


def test_gateway_that_failed__comes_second_from_then_on(
    workspace: Workspace, ana: User, receiver: Receiver
) -> None:
    gateways.gateway(workspace, receiver.url + "/broken")
    gateways.gateway(workspace, receiver.url + "/works")
    receiver.answer_by_path["/broken"] = 500
    way = gateways.way(ana)
    page(ana, workspace, way)
    with time_machine.travel(clock.now() + timedelta(minutes=2)):
        page(ana, workspace, way, key="p2")
    assert [got.path for got in receiver.received] == ["/broken", "/works", "/works"]


def test_only_gateway_slow_down__waits_as_long_as_it_asks(
    workspace: Workspace, ana: User, receiver: Receiver
) -> None:
    gateways.gateway(workspace, receiver.url)
    receiver.will_answer(429, b"", Retry_After="40")
    delivery = row(page(ana, workspace, gateways.way(ana)))
    message = OutboxMessage.objects.get(payload__delivery=delivery.pk)
    wait = (message.ready_at - clock.now()).total_seconds()
    assert delivery.state == "waiting"
    assert 35 < wait <= 41


def test_channel_for_everybody__is_no_gateway(
    workspace: Workspace, ana: User, receiver: Receiver
) -> None:
    gateways.gateway(workspace, receiver.url)
    news = services.notify(
        workspace_id=workspace.pk, kind="k", key="k", subject="S", to=To([ana.pk], channels=None)
    )
    assert not news.deliveries.filter(channel__isnull=False).exists()


# --- Throttles ----------------------------------------------------------------------------------


def test_second_message_within_the_minute__waits_and_says_until_when(
    workspace: Workspace, ana: User, receiver: Receiver
) -> None:
    gateways.gateway(workspace, receiver.url)
    way = gateways.way(ana)
    page(ana, workspace, way)
    held = row(page(ana, workspace, way, key="p2", urgency="normal"))
    assert held.state == "waiting"
    assert held.why.startswith("held until ")
    message = OutboxMessage.objects.get(payload__delivery=held.pk)
    assert (message.attempts, message.state) == (0, "waiting"), "that was no try"
    assert not held.attempts.exists()
    assert len(receiver.received) == 1


def test_critical__waits_a_minute_at_most_whatever_went_before(
    workspace: Workspace, ana: User, receiver: Receiver
) -> None:
    gateways.gateway(workspace, receiver.url, kind="voice")
    way = gateways.way(ana, "voice")
    for number in range(4):
        page(ana, workspace, way, key=f"p{number}")
    assert len(receiver.received) == 3
    message = OutboxMessage.objects.get(state="waiting")
    assert (message.ready_at - clock.now()).total_seconds() <= 60
    OutboxMessage.objects.update(ready_at=clock.now() - timedelta(minutes=1))
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        outbox.send_due()
    assert len(receiver.received) == 4


# --- Setting one up -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "secret", "options"),
    [
        ("", SECRET, {"form": "json"}),
        ("https://sms.example", "short", {"form": "json"}),
        ("https://sms.example", SECRET, {"form": "carrier-pigeon"}),
        ("", SECRET, {"form": "twilio", "sender": "+1500"}),
        ("", SECRET, {"form": "twilio", "account": "../x", "sender": "+1500"}),
        ("https://sms.example", SECRET, {"form": "json", "more": "x"}),
    ],
)
def test_gateway_that_cannot_work__is_refused(
    workspace: Workspace, target: str, secret: str, options: dict[str, str]
) -> None:
    with pytest.raises(Invalid):
        services.create_channel(
            workspace, actor=make.JOB, name="G", kind="sms", target=target, secret=secret,
            options=options,
        )  # fmt: skip
    assert not Channel.objects.exists()


def test_options_of_a_gateway__are_none_of_a_webhook(workspace: Workspace) -> None:
    with pytest.raises(Invalid):
        services.create_channel(
            workspace, actor=make.JOB, name="H", kind="webhook", target="https://h.example",
            secret=SECRET, options={"form": "json"},
        )  # fmt: skip


def test_trying_a_gateway__calls_nobody_but_who_tries_it(
    workspace: Workspace, receiver: Receiver
) -> None:
    channel = gateways.gateway(workspace, receiver.url)
    admin = make.person(workspace, "workspace_admin")
    with pytest.raises(Conflict):
        services.test_channel(channel, actor=make.actor(admin))
    gateways.way(admin)
    assert services.test_channel(channel, actor=make.actor(admin)).kind == "accepted"
    assert receiver.received[0].json()["to"] == NUMBER


def test_api__makes_a_gateway_and_never_shows_its_token(workspace: Workspace) -> None:
    admin = make.client(make.person(workspace, "workspace_admin", "primary_operator"))
    body = {"name": "Texts", "kind": "sms", "target": "https://sms.example", "secret": SECRET,
            "options": {"form": "json", "sender": "+15005550006"}}  # fmt: skip
    made = admin.post("/api/v1/channels", body, content_type="application/json")
    assert made.status_code == 201, made.content
    assert made.json()["options"] == body["options"]
    assert SECRET not in made.content.decode()
    stranger = make.client(make.person(make.workspace(), "workspace_admin"))
    assert stranger.get(f"/api/v1/channels/{made.json()['uid']}").status_code in {403, 404}
    assert Client().post("/api/v1/channels", body, content_type="application/json").status_code
