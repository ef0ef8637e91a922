"""What the database holds to of wakes, whoever writes: what is over stays as it ended."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from controlplane.lib import context
from missions.threads.models import Message, WakeAttempt, WakeRun, WakeTrigger
from missions.threads.services.requeueing import requeue_wake
from missions.threads.waking.asking import ask_wake
from tests.kit import settled
from tests.kit.receivers import http_receiver
from tests.kit.threads import Talk
from tests.kit.waking import Night

pytestmark = pytest.mark.django_db


@settled.once
def talk() -> Talk:
    """A wake that was given up after a try, and a command that was started for it."""
    found = Night()
    found.session("s1", adapter="sse")
    row = found.post()
    for wait in (0, 2.5, 4.5, 1):
        found.later(wait)
        found.turn()
    WakeRun.objects.create(
        workspace=row.workspace, trigger=row, agent=row.agent, path="spawn", host="h",
        supervisor="s", deadline_at=Now(),
    )  # fmt: skip
    return found.talk


@pytest.fixture
def night(talk: Talk) -> Night:
    return Night(talk)


def refused(rows: Any, **changes: Any) -> None:
    for act in ((lambda: rows.update(**changes)),) if changes else (rows.delete,):
        with pytest.raises(IntegrityError), transaction.atomic():
            act()


def test_wake__goes_by_known_steps_alone(night: Night) -> None:
    rows = WakeTrigger.objects.filter(pk=night.wake.pk)
    refused(rows, state="done", status="delivered")
    refused(rows, state="waiting", status="delivered")
    refused(rows, agent=night.talk.executioner)
    refused(rows, correlation_id="another")
    refused(rows)
    requeue_wake(night.wake, actor=night.talk.operator, reason="It is back.")
    rows.update(state="done", status="delivered")
    refused(rows, state="waiting")
    refused(rows, status="queued")
    rows.update(told_at=Now())


def test_try__keeps_what_it_was(night: Night) -> None:
    rows = WakeAttempt.objects.filter(trigger=night.wake)
    refused(rows, result="sent")
    refused(rows, number=F("number") + 10)
    refused(rows, detail="Nothing went wrong.")
    refused(rows, pushed_at=Now())
    refused(rows)
    rows.update(session=None)


def test_command__keeps_how_it_ended(night: Night) -> None:
    rows = WakeRun.objects.all()
    refused(rows, argv=["rm"])
    rows.update(status="failed", ended_at=Now(), exit_code=3)
    refused(rows, status="running", ended_at=None)
    refused(rows, exit_code=0)
    rows.update(pid=7)  # noted a moment later
    refused(rows, pid=8)
    refused(rows)


def test_tried_anew__it_is_another_delivery(night: Night, settings: Any) -> None:
    """A receiver that knows the key of the one that was given up would do nothing."""
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with http_receiver() as runtime:
        night.webhook(runtime.url)
        requeue_wake(night.wake, actor=night.talk.operator, reason="It is back.")
        night.turn()
        night.later(20)
        night.turn()
    keys = {each.headers["Idempotency-Key"] for each in runtime.received}
    assert keys == {f"{night.wake.uid}:1"}
    assert {each.json()["wake_id"] for each in runtime.received} == {str(night.wake.uid)}


def test_correlation__goes_from_the_request_to_the_delivery(night: Night, settings: Any) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    talk = night.talk
    with context.bind(request_id="r-1", correlation_id="c-1"):
        talk.post("executioner", "To you.", to={"role": "coordinator"})
    [row] = talk.wakes(talk.coordinator)
    assert Message.objects.get(body="To you.").correlation_id == row.correlation_id == "c-1"
    with context.bind(request_id="r-2", correlation_id="c-2"):
        asked = ask_wake(talk.thread, talk.executioner, actor=talk.operator, reason="Look.")
    assert asked.correlation_id == "c-2"
    with http_receiver() as runtime, context.bind(**context.resumed("c-2")):
        night.webhook(runtime.url, agent=talk.reviewer)
        requeue_wake(night.wake, actor=talk.operator, reason="It is back.")
        night.turn()
    assert runtime.received[0].headers["X-Correlation-ID"] == "c-2"
    assert "correlation_id" in runtime.received[0].json()


def test_supervisor__works_under_the_ids_of_the_wake(monkeypatch: pytest.MonkeyPatch) -> None:
    from missions.threads.waking import supervisor

    seen: list[str] = []

    def deliver(row: WakeTrigger, place: Any) -> str:
        seen.append(context.current().correlation_id)
        return "done"

    monkeypatch.setattr(supervisor, "deliver", deliver)
    supervisor.Supervisor("test:1:a")._handle(WakeTrigger(correlation_id="c-9"))
    assert seen == ["c-9"]
