"""Links and keys that answer a page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from xml.etree import ElementTree

import pytest
import time_machine
from django.test import Client
from pytest_django.fixtures import Settings

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.notify import answers, services
from controlplane.notify.models import (
    AnswerLink,
)
from tests import make
from tests.kit import gateways, settled
from tests.kit.gateways import calls
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


# --- Keys ---------------------------------------------------------------------------------------


def test_key__answers_the_call_it_was_pressed_in(
    workspace: Workspace, ana: User, receiver: Receiver
) -> None:
    channel = gateways.gateway(workspace, receiver.url, kind="voice", form="twilio")
    way = gateways.way(ana, "voice")
    first = page(ana, workspace, methods=[way])
    page(ana, workspace, "x:2", methods=[way])
    said = {"Digits": "4", "CallSid": "CA1"}
    answer = calls(channel, "keys", said, delivery=sent(first))
    assert ElementTree.fromstring(answer.content).findtext("Say") == "Acknowledged x:1."
    assert done == [(ana.email, "x:1")]
    calls(channel, "keys", said | {"Digits": "9"}, delivery=sent(first))
    assert len(done) == 1


# --- Links --------------------------------------------------------------------------------------


def tap(link: AnswerLink, verb: str = "test.a") -> str:
    return answers.url_of(link, verb).removeprefix("http://127.0.0.1:8000")


def test_opening__shows_a_button_and_does_nothing(workspace: Workspace, ana: User) -> None:
    link = page(ana, workspace).answer_links.get()
    for method in ("get", "head"):
        answer = getattr(Client(), method)(tap(link))
        assert answer.status_code == 200
    assert done == []
    shown = Client().get(tap(link))
    assert "Acknowledge</button>" in shown.content.decode()
    assert shown["Referrer-Policy"] == "no-referrer"
    assert "no-store" in shown["Cache-Control"]


def test_pressing__does_it_without_a_sign_in(workspace: Workspace, ana: User) -> None:
    link = page(ana, workspace).answer_links.get()
    answer = Client(enforce_csrf_checks=True).post(tap(link))
    assert answer.status_code == 200
    assert "Acknowledged x:1." in answer.content.decode()
    assert done == [(ana.email, "x:1")]
    link.refresh_from_db()
    assert (link.used_verb, link.used_by) == ("test.a", "link")


def test_link__is_for_one_verb_only(workspace: Workspace, ana: User) -> None:
    link = page(ana, workspace).answer_links.get()
    token = tap(link).rsplit("/", 1)[1]
    assert Client().post(f"/answer/test.r/{token}").status_code == 404
    assert Client().post(f"/answer/no.such/{token}").status_code == 404
    assert Client().post(f"/answer/test.a/{token[:-1]}").status_code == 404
    assert done == []


def test_link_of_what_is_over__says_so_and_does_nothing(workspace: Workspace, ana: User) -> None:
    link = page(ana, workspace).answer_links.get()
    url = tap(link)
    over["x:1"] = "Ben has it already."
    assert "Ben has it already." in Client().get(url).content.decode()
    assert Client().post(url).status_code == 409
    over.clear()
    services.revoke_answers("x:1", workspace_id=workspace.pk, why="It is resolved.")
    shown = Client().get(url).content.decode()
    assert "It is resolved." in shown
    assert "</button>" not in shown.split("<main", 1)[1]
    assert Client().post(url).status_code == 409
    assert done == []


def test_link__expires(workspace: Workspace, ana: User) -> None:
    link = page(ana, workspace).answer_links.get()
    with time_machine.travel(clock.now() + timedelta(hours=25)):
        assert Client().post(tap(link)).status_code == 409
    assert done == []


def test_somebody_who_left__taps_in_vain(workspace: Workspace, ana: User) -> None:
    link = page(ana, workspace).answer_links.get()
    type(ana).objects.filter(pk=ana.pk).update(is_active=False)
    assert Client().get(tap(link)).status_code == 404
    assert Client().post(tap(link)).status_code == 404
    assert done == []
