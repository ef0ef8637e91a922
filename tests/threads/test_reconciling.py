"""What was missed is found: once, at its pace, and not for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from controlplane.audit.models import AuditEvent
from missions.threads import numbers, services
from missions.threads.models import AgentPulse, Message, Participant, RuntimeSession, WakeTrigger
from missions.threads.services.requeueing import requeue_wake
from missions.threads.waking import reconciling
from tests import make
from tests.kit.waking import Night, lose_wakes

pytestmark = pytest.mark.django_db


@pytest.fixture
def night(settings: Any) -> Night:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    return Night()


def awake_then_asleep(night: Night) -> None:
    """It was awake when the message came, and fell asleep over it."""
    night.beat()
    night.talk.post("executioner", to={"role": "reviewer"})
    assert night.talk.wakes(night.talk.reviewer) == []
    night.later(numbers.FRESH_SECONDS.value + 1)


def test_unread_over_sleep__gets_a_wake(night: Night) -> None:
    awake_then_asleep(night)
    assert reconciling.missed() == 1
    row = night.wake
    assert (row.from_seq, row.to_seq, row.reason, row.status) == (1, 1, "unread", "queued")
    assert row.ready_at <= row.created_at
    assert reconciling.missed() == 0


@pytest.mark.parametrize(
    "what", ["read", "own", "other", "paused", "muted", "left", "off", "blocked"]
)
def test_nothing_to_wake_for__gets_none(night: Night, what: str) -> None:
    talk = night.talk
    if what in {"own", "other"}:
        night.beat()
        who = "reviewer" if what == "own" else "executioner"
        talk.post(who, to={"role": "coordinator"})
        lose_wakes()
        Participant.objects.exclude(agent=talk.reviewer).update(wakes=False)
        night.later(60)
    else:
        awake_then_asleep(night)
    if what == "read":
        night.ack()
        night.later(60)
    elif what == "paused":
        AgentPulse.objects.filter(agent=talk.reviewer).update(wakes_paused=True)
    elif what == "muted":
        Participant.objects.filter(agent=talk.reviewer).update(wakes=False)
    elif what == "left":
        Participant.objects.filter(agent=talk.reviewer).update(left_at=Now())
    elif what == "off":
        type(talk.reviewer).objects.filter(pk=talk.reviewer.pk).update(is_active=False)
    elif what == "blocked":
        Participant.objects.exclude(agent=talk.reviewer).update(wakes=False)
        services.update_status(talk.thread, "blocked", actor=talk.operator, reason="Wait.")
        lose_wakes()
    assert reconciling.missed() == 0


def test_who_reads_nothing__is_woken_ever_later_and_then_let_be(night: Night) -> None:
    night.session()
    awake_then_asleep(night)
    waits = []
    for _ in range(5):
        if not reconciling.missed():
            break
        row = night.wake
        waits.append(round((row.ready_at - row.created_at).total_seconds()))
        WakeTrigger.objects.filter(pk=row.pk).update(
            state="done", status="delivered", finished_at=Now()
        )
    assert waits == [0, 30, 30]
    # Something new begins it anew.
    night.beat()
    night.talk.post("executioner", to={"role": "reviewer"})
    night.later(400)
    assert reconciling.missed() == 1


def test_waking_late__is_counted_from_falling_asleep(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it was taken for awake nobody was to wake it: that is no delay."""
    night.beat()
    night.talk.post("executioner", to={"role": "reviewer"})
    said = Message.objects.get(thread=night.talk.thread)
    moment = timedelta(microseconds=1)  # shorter than any way from one statement to the next
    monkeypatch.setenv(numbers.FRESH_SECONDS.env_name, "0.000001")
    AgentPulse.objects.filter(agent=night.talk.reviewer).update(seen_at=said.created_at + moment)
    assert reconciling.missed() == 1
    assert night.wake.message_at == said.created_at + 2 * moment
    assert night.turn() == ["dead"]
    again = requeue_wake(night.wake, actor=night.talk.operator, reason="It is mended.")
    assert again.message_at is not None
    assert again.message_at > said.created_at + 2 * moment, "from when it was tried again"


def test_given_up__waits_for_a_sign_of_life(night: Night) -> None:
    night.post()
    assert night.turn() == ["dead"]
    night.later(600)
    assert reconciling.missed() == 0
    night.session()
    assert reconciling.missed() == 1


def test_closed_thread_and_who_left__have_no_open_wakes(night: Night) -> None:
    night.post()
    talk = night.talk
    services.update_status(
        talk.thread, "closed", actor=talk.operator, reason="human_override: enough"
    )
    assert reconciling.ended() == 2
    assert WakeTrigger.objects.open().count() == 0
    assert {row.error_code for row in talk.wakes()} == {"THREAD_CLOSED"}
    other = talk.begin()
    talk.asleep()
    talk.post("executioner", thread=other, to={"role": "reviewer"})
    services.remove_participant(other, talk.reviewer, actor=talk.operator)
    reconciling.ended()
    assert night.wake.error_code == "NOT_A_PARTICIPANT"


def test_silent_session__is_offline_and_told_of(night: Night) -> None:
    session, young = night.session(), night.session("young")
    hours = timedelta(hours=numbers.STALE_HOURS.value)
    RuntimeSession.objects.filter(pk=session.pk).update(
        beat_at=Now() - hours - timedelta(minutes=1)
    )
    RuntimeSession.objects.filter(pk=young.pk).update(beat_at=Now() - hours + timedelta(minutes=1))
    assert reconciling.stale() == 1
    assert reconciling.stale() == 0
    session.refresh_from_db()
    young.refresh_from_db()
    assert (session.status, young.status) == ("offline", "active")
    assert AuditEvent.objects.filter(action="thread.runtime:off").count() == 1


def test_old_keys__are_forgotten(night: Night) -> None:
    night.talk.post("executioner", idempotency_key="k1")
    assert reconciling.forget() == 0
    assert Message.objects.filter(idempotency_key="k1").exists()


def test_old_keys_beyond_their_time__are_let_go(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.talk.post("executioner", idempotency_key="k1")
    monkeypatch.setenv(numbers.IDEMPOTENCY_HOURS.env_name, "0")
    WakeTrigger.objects.update(request_key=None)
    assert reconciling.forget() == 1
    assert not Message.objects.filter(idempotency_key__isnull=False).exists()


def test_all_of_it__is_a_handful_of_statements(
    night: Night, django_assert_max_num_queries: Any
) -> None:
    for n in range(5):
        night.talk.post("executioner", thread=night.talk.begin(title=f"Thread {n}"))
    lose_wakes()
    with django_assert_max_num_queries(9):
        assert reconciling.work(0.0) >= 10


def test_strangers_workspace__is_left_alone(night: Night) -> None:
    awake_then_asleep(night)
    reconciling.missed()
    stranger = make.actor(make.person(make.workspace(), "operations_command"))
    assert not WakeTrigger.objects.visible_to(stranger).exists()
