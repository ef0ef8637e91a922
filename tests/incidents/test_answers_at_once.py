"""Somebody of the contact book answers a call twice in the same moment, by their link and by a
text message: one of the two acknowledges, the other is told that it is taken."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import NotFound
from controlplane.notify import answers, outbox, services
from controlplane.notify.models import AnswerLink, Contact, Reply
from controlplane.notify.services import answers as answering
from controlplane.notify.services import replies
from incidents.models import EscalationRun, Incident, Page
from incidents.paging import replying
from incidents.records import calling, moving
from tests import make
from tests.kit import gateways
from tests.kit.gateways import NUMBER
from tests.kit.incidents import Watchroom
from tests.kit.racing import race
from tests.kit.receivers import http_receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]
ACKNOWLEDGED = "incident.acknowledge"


class Scene:
    """The desk is called by mail and telephone; somebody may be on it already."""

    def __init__(self, url: str, *, taken: bool) -> None:
        self.room = Watchroom()
        self.room.everybody()
        self.line = gateways.gateway(self.room.workspace, url)
        self.desk: Contact = services.add_contact(
            self.room.workspace, actor=make.JOB, purpose="partner", name="Desk",
            email="desk@partner.example", phone=NUMBER,
        )  # fmt: skip
        row = self.room.quiet("sev1")
        if taken:
            row = moving.acknowledge(row, actor=self.room.by(self.room.primary))
        self.incident: Incident = calling.call_contact(
            row, contact=self.desk, actor=self.room.by(self.room.primary), message="Look."
        )
        self.room.tick()
        outbox.work(float("inf"))
        self.link = AnswerLink.objects.get(contact=self.desk)

    def by_link(self) -> str:
        url = answers.url_of(self.link, replying.ACKNOWLEDGE)
        done = Client().post("/" + url.partition("://")[2].partition("/")[2])
        return done.content.decode()

    def by_text(self) -> str:
        reply: Reply = replies.take_text(
            self.line, sender=NUMBER, text=f"ack {self.link.code}", provider_id="in-1"
        )
        return reply.answer

    def acknowledgements(self) -> int:
        rows = AuditEvent.objects.filter(action=ACKNOWLEDGED, actor_ref=f"contact:{self.desk.pk}")
        return rows.count()


@pytest.mark.parametrize("taken", [False, True], ids=["nobody-on-it", "somebody-on-it"])
def test_link_and_text_at_once__one_acknowledges_and_the_other_is_told(
    settings: Settings, taken: bool
) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with http_receiver() as receiver:
        scene = Scene(receiver.url, taken=taken)
        ways: list[Any] = [scene.by_link, scene.by_text]
        said = race(2, lambda number: ways[number]())
    assert not [each for each in said if isinstance(each, Exception)], said
    won = [each for each in said if "You are on it" in each]
    assert len(won) == 1, said
    [lost] = [each for each in said if each not in won]
    assert "already" in lost or "Nothing waits for your answer" in lost
    assert scene.acknowledgements() == 1
    page = Page.objects.get(incident=scene.incident, contact=scene.desk)
    assert page.status == "answered"
    assert AuditEvent.objects.filter(action="notify.answer").count() == 1
    assert EscalationRun.objects.get(incident=scene.incident).status == "answered"
    scene.room.later(3600)
    assert Page.objects.filter(incident=scene.incident).count() == 1, "nobody else is called"


def test_stranger__answers_for_nobody(settings: Settings) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with http_receiver() as receiver:
        scene = Scene(receiver.url, taken=False)
    services.remove_contact(scene.desk, actor=make.JOB)
    with pytest.raises(NotFound):
        answering.perform(scene.link, replying.ACKNOWLEDGE, by="link")
    assert scene.acknowledgements() == 0
