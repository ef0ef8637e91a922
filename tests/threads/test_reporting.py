"""Telemetry and the metrics are told how wakes ended, of every try, of loops and of escalations;
once each, and nothing of what was said."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import F
from prometheus_client import REGISTRY

from controlplane.base import signals
from controlplane.jobs import leases
from controlplane.lib import clock
from missions.threads import numbers, services
from missions.threads.models import WakeAttempt, WakeTrigger
from missions.threads.services import reporting
from missions.threads.services.requeueing import requeue_wake
from telemetry.ingest.accepting import report
from telemetry.models import Event
from tests import make
from tests.kit.threads import Talk
from tests.kit.waking import lifted

pytestmark = pytest.mark.django_db
NAMES = ("wake_attempted", "message_delivered", "loop_detected", "thread_escalated")


def events(talk: Talk, name: str) -> list[Event]:
    return list(
        Event.objects.filter(workspace_id=talk.workspace.pk, event_type=name).order_by("pk")
    )


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"controlplane_{name}_total", labels) or 0.0


def settled(talk: Talk, **given: Any) -> WakeTrigger:
    """A wake that a supervisor brought to its end: two tries, the second of which was heard."""
    talk.asleep()
    talk.post("executioner", "the secret plan", to={"role": "reviewer"})
    [row] = talk.wakes(talk.reviewer)
    for number, result in ((1, "failed"), (2, "sent")):
        WakeAttempt.objects.create(
            trigger=row, number=number, path="live", adapter="webhook", result=result,
            duration_ms=40,
        )  # fmt: skip
    values = {"state": leases.DONE, "status": "delivered", "result": "triggered",
              "finished_at": clock.now(), **given}  # fmt: skip
    WakeTrigger.objects.filter(pk=row.pk).update(
        sent_at=F("message_at") + timedelta(seconds=2), **values
    )
    return row


def test_settled__is_told_once_with_its_tries_and_its_time(
    django_capture_on_commit_callbacks: Any,
) -> None:
    talk, other = Talk(), Talk(make.workspace())
    settled(talk)
    before = counted("wake_attempts", result="triggered")
    failed = counted("deliveries", way="webhook", result="failed")
    with django_capture_on_commit_callbacks(execute=True):
        assert reporting.work(time.monotonic() + 5) == 1
    assert counted("wake_attempts", result="triggered") == before + 1
    assert counted("deliveries", way="webhook", result="failed") == failed + 1
    [wake] = events(talk, "wake_attempted")
    assert wake.code == "triggered"
    assert wake.duration_ms == pytest.approx(2_000, abs=1)
    assert sorted(each.status for each in events(talk, "message_delivered")) == ["error", "success"]
    assert "secret" not in str([row.__dict__ for row in Event.objects.all()])
    assert reporting.work(time.monotonic() + 5) == 0
    assert not Event.objects.filter(workspace_id=other.workspace.pk).exists()


def test_given_up__failed_and_tried_again_it_is_another() -> None:
    talk = Talk()
    row = settled(talk, state=leases.DEAD, status="dead", result="failed")
    reporting.tell_settled()
    requeue_wake(row, actor=talk.operator, reason="Its runtime is back.")
    WakeTrigger.objects.filter(pk=row.pk).update(
        version=F("version") + 1, state=leases.DONE, status="delivered", result="fallback_spawned"
    )
    reporting.tell_settled()
    codes = sorted(each.code for each in events(talk, "wake_attempted"))
    assert codes == ["failed", "fallback_spawned"]
    assert len(events(talk, "message_delivered")) == 2


def test_under_way_and_taken_back__are_no_attempts() -> None:
    talk = Talk()
    row = settled(talk, state=leases.WAITING, status="queued", result="", finished_at=None)
    assert reporting.tell_settled() == 0
    WakeTrigger.objects.filter(pk=row.pk).update(state="cancelled", status="cancelled")
    assert reporting.tell_settled() == 1
    assert events(talk, "wake_attempted") == []


def test_guard__tells_of_the_loop_and_a_person_who_blocks_of_the_escalation(
    django_capture_on_commit_callbacks: Any,
) -> None:
    talk = Talk()
    before = counted("thread_loops", rule="repeated_finding")
    for _ in range(numbers.FINDING_CYCLES.value):
        talk.event("reviewer", "finding_reported", metadata={"finding_id": "F-1"})
    with django_capture_on_commit_callbacks(execute=True):
        signals.work(time.monotonic() + 5)
    assert counted("thread_loops", rule="repeated_finding") == before + 1
    assert [each.code for each in events(talk, "loop_detected")] == ["repeated_finding"]
    other = talk.begin(title="Another")
    services.update_status(other, "blocked", actor=talk.operator, reason="They disagree.")
    told = events(talk, "thread_escalated")
    assert {each.code for each in told} == {"repeated_finding", "person"}
    assert "disagree" not in str([each.__dict__ for each in told])


def test_try_that_ended_with_its_supervisor__is_none(
    django_capture_on_commit_callbacks: Any,
) -> None:
    talk = Talk()
    row = settled(talk)
    with lifted():
        WakeAttempt.objects.filter(trigger=row, result="failed").update(result="stopped")
    counts = [counted("deliveries", way="webhook", result=each) for each in ("delivered", "failed")]
    with django_capture_on_commit_callbacks(execute=True):
        reporting.tell_settled()
    now = [counted("deliveries", way="webhook", result=each) for each in ("delivered", "failed")]
    assert now == [counts[0] + 1, counts[1]]
    assert len(events(talk, "message_delivered")) == 1


def test_one_that_cant_be_stored__keeps_back_none_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    talk = Talk()
    poison = settled(talk)
    other = talk.begin(title="Another")
    for agent in (talk.executioner, talk.coordinator):
        talk.asleep()
        talk.post("reviewer", "x", other, to={"agents": [str(agent.uid)]})
    WakeTrigger.objects.filter(thread=other).update(
        state=leases.DONE, status="delivered", result="triggered", finished_at=clock.now()
    )
    plain = report

    def storing(actor: Any, workspace: Any, events: list[dict[str, Any]]) -> Any:
        if any(each["context"].get("channel") == "webhook" for each in events):
            raise ValueError("a value that the catalogue does not know")
        return plain(actor, workspace, events)

    monkeypatch.setattr(reporting, "report", storing)
    assert reporting.tell_settled() == 3
    assert len(events(talk, "wake_attempted")) == 2
    assert reporting.tell_settled() == 0
    poison.refresh_from_db()
    assert poison.told_at is not None
    with monkeypatch.context() as patch, pytest.raises(OperationalError):
        patch.setattr(reporting, "report", _away)
        WakeTrigger.objects.update(told_at=None)
        reporting.tell_settled()
    assert WakeTrigger.objects.filter(told_at=None).count() == 3  # all of it is told later


def _away(*_: Any) -> None:
    raise OperationalError("the database is away")
