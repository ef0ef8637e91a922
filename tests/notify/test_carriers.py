"""Who does not answer is left alone for some seconds, and nobody waits behind them."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from django.db.models.functions import Now

from controlplane.notify import outbox
from controlplane.notify.carriers import PAUSE_S, Carriers
from controlplane.notify.channels import Outcome
from controlplane.notify.models import Delivery, OutboxMessage
from controlplane.notify.services import To, create_channel, notify
from tests import make
from tests.kit import receivers

SILENT = Outcome("retry", "TimeoutError: timed out")


class Clock:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def test_two_without_an_answer__the_rest_is_not_tried_until_one_asked_again() -> None:
    clock, asked = Clock(), list[str]()
    here = Carriers(now=clock)
    answers = {"mail": SILENT}

    def send(name: str = "mail") -> Outcome:
        def run() -> Outcome:
            asked.append(name)
            return answers.get(name, Outcome("accepted"))

        return here.through(name, run)

    assert not send().untried
    assert not send().untried
    third = send()
    assert (third.untried, third.kind) == (True, "retry")
    assert third.retry_after == PAUSE_S.value
    assert "timed out" in third.detail
    assert send("channel:1").kind == "accepted", "another one is not to blame"
    clock.at += PAUSE_S.value
    assert not send().untried, "one asks"
    assert send().untried, "and the others wait for what it is told"
    clock.at += PAUSE_S.value
    answers["mail"] = Outcome("accepted")
    assert send().kind == send().kind == "accepted"
    assert asked.count("mail") == 5


def test_answer_that_refuses__is_a_sign_of_life() -> None:
    here = Carriers(now=Clock())
    for outcome in (SILENT, Outcome("retry", "HTTP 503", 503), SILENT, Outcome("rejected")) * 3:
        assert here.through("mail", lambda said=outcome: said) == outcome  # type: ignore[misc]


@pytest.mark.django_db
def test_mail_server_hangs__it_takes_one_time_out_and_others_are_told_at_once(
    settings: Any,
) -> None:
    workspace = make.workspace()
    people = [make.person(workspace, "viewer") for _ in range(15)]
    with socket.socket() as hung, receivers.http_receiver() as other:
        hung.bind(("127.0.0.1", 0))
        hung.listen(64)  # connected to, and never spoken with
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = hung.getsockname()
        settings.EMAIL_TIMEOUT, settings.OUTGOING_ALLOW = 0.2, ["127.0.0.1"]
        channel = create_channel(
            workspace, actor=make.JOB, name="Room", kind="webhook", target=other.url,
            secret="s" * 20,
        )  # fmt: skip
        notify(
            workspace_id=workspace.pk, kind="t.page", key="p1", subject="Down", body="It is.",
            to=To(users=[each.pk for each in people], channels=[channel.pk]), urgency="critical",
        )  # fmt: skip
        assert outbox.send_due() == 16
        assert len(other.received) == 1
        mails = Delivery.objects.filter(method="email")
        assert mails.filter(attempts__detail__contains="not tried").exists()
        assert set(mails.values_list("state", flat=True)) == {"waiting"}
        OutboxMessage.objects.update(ready_at=Now())
        outbox.send_due()
        left_alone = mails.filter(attempts__detail__contains="not tried").distinct()
        assert left_alone.count() == 15
        assert set(OutboxMessage.objects.values_list("attempts", flat=True)) == {0, 1}
