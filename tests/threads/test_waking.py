"""From a message to somebody awake: which way is taken, what counts as a try, what as an answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now

from controlplane.lib import http
from missions.threads import numbers, services
from missions.threads.models import AgentPulse, RuntimeSession, Thread, WakeTrigger
from missions.threads.waking.asking import acknowledge_wake, ask_wake
from tests.kit.receivers import http_receiver
from tests.kit.waking import SECRET, Night

pytestmark = pytest.mark.django_db

ACK = numbers.ACK_SECONDS.value


@pytest.fixture
def night(settings: Any) -> Night:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    return Night()


def test_webhook__is_told_by_reference_and_signed(night: Night) -> None:
    with http_receiver() as runtime:
        night.webhook(runtime.url + "/wake")
        row = night.post(body="The body stays here.")
        assert night.turn() == ["live"]
        (got,) = runtime.received
    told = got.json()
    assert told["wake_id"] == got.headers["Idempotency-Key"] == str(row.uid)
    assert (told["unread"], told["reason"]) == ({"from_seq": 1, "to_seq": 1}, "unread")
    assert "body" not in json.dumps(told)
    headers = {name.lower(): value for name, value in got.headers.items()}
    signed = http.sign(SECRET.encode(), got.body, _moment(headers[http.TIMESTAMP_HEADER.lower()]))
    assert headers[http.SIGNATURE_HEADER.lower()] == signed[http.SIGNATURE_HEADER]
    assert (night.wake.status, night.tries) == ("triggering", [("live", "sent")])


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(int(text), UTC)


def test_nobody_answers__tried_again_then_given_up(night: Night) -> None:
    with http_receiver() as runtime:
        night.webhook(runtime.url)
        night.post()
        said = []
        for wait in (0, ACK, 2, ACK, 4, ACK, 0):
            night.later(wait + 0.5 if wait else 0)
            said += night.turn()
        ids = {each.headers["Idempotency-Key"] for each in runtime.received}
    assert said == [*("live", "unanswered") * 3, "dead"][:7]
    assert len(runtime.received) == 3
    assert len(ids) == 1
    assert night.tries == [("live", "timeout")] * 3
    row = night.wake
    assert (row.status, row.state, row.result, row.error_code) == (
        "dead", "dead", "failed", "WAKE_FAILED",
    )  # fmt: skip


def test_retries__wait_two_and_four_seconds(night: Night) -> None:
    with http_receiver() as runtime:
        night.webhook(runtime.url)
        night.post()
        night.turn()
        for wait in (2, 4):
            night.later(ACK + 0.5)
            assert night.turn() == ["unanswered"]
            rows = WakeTrigger.objects.filter(pk=night.wake.pk)
            left = rows.values_list(F("ready_at") - Now(), flat=True).get()
            assert wait - 1 < left.total_seconds() <= wait
            night.later(wait + 0.5)
            assert night.turn() == ["live"]


@pytest.mark.parametrize("how", ["heartbeat", "cursor", "explicit"])
def test_answer__settles_it(night: Night, how: str) -> None:
    night.session()
    row = night.post()
    night.turn()
    if how == "heartbeat":
        night.beat()
    elif how == "cursor":
        night.ack()
    else:
        acknowledge_wake(row.uid, actor=night.talk.by("reviewer"))
    row = night.wake
    assert (row.status, row.result, row.acked_by) == ("delivered", "triggered", how)
    night.later(ACK + 1)
    assert night.turn() == []


def test_reading__is_a_sign_of_life(night: Night) -> None:
    night.session()
    night.post()
    night.turn()
    services.read_messages(night.talk.thread.uid, actor=night.talk.by("reviewer"))
    night.later(ACK + 1)
    assert night.turn() == ["settle"]
    assert (night.wake.acked_by, night.tries) == ("heartbeat", [("live", "sent")])


def test_answer_of_the_receiver__is_an_acknowledgement(night: Night) -> None:
    with http_receiver() as runtime:
        runtime.will_answer(200, b'{"acknowledged": true}')
        night.webhook(runtime.url)
        night.post()
        night.turn()
    assert (night.wake.status, night.wake.acked_by) == ("delivered", "explicit")


def test_dead_webhook__is_switched_off_after_so_many(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(numbers.WEBHOOK_FAILURES.env_name, "2")
    with http_receiver() as runtime:
        runtime.answer_by_path["/gone"] = 500
        session = night.webhook(runtime.url + "/gone")
        night.post()
        assert night.turn() == ["live"]
        night.later(3)
        assert night.turn() == ["live"]
        night.later(5)
        assert night.turn() == ["dead"]
    session.refresh_from_db()
    assert session.disabled_reason.startswith("Switched off after 2")
    assert night.tries == [("live", "failed")] * 2
    assert night.wake.error_code == "WAKE_FAILED"
    # Registered again, it is tried again.
    assert night.webhook("https://agents.example.com/wake").disabled_reason == ""


def test_best_session__is_told(night: Night) -> None:
    with http_receiver() as runtime:
        for number, name in enumerate(["offline", "idle", "active", "older", "unmanaged"]):
            night.webhook(f"{runtime.url}/{name}", name)
            rows = RuntimeSession.objects.filter(session_id=name)
            rows.update(beat_at=Now() + timedelta(seconds=number))
        for name in ("offline", "idle"):
            RuntimeSession.objects.filter(session_id=name).update(status=name)
        RuntimeSession.objects.filter(session_id="older").update(beat_at=Now() - timedelta(hours=1))
        RuntimeSession.objects.filter(session_id="unmanaged").update(management="unmanaged")
        night.post()
        night.turn()
        assert [each.path for each in runtime.received] == ["/active"]
        RuntimeSession.objects.filter(session_id="active").update(paused=True)
        night.later(ACK + 3)
        night.turn()
        night.later(3)
        night.turn()
        assert [each.path for each in runtime.received] == ["/active", "/older"]


@pytest.mark.parametrize(
    ("sessions", "code"),
    [
        ([], "RUNTIME_NOT_FOUND"),
        (["unmanaged"], "UNMANAGED_RUNTIME"),
        (["stale"], "UNMANAGED_RUNTIME"),
    ],
)
def test_nobody_to_be_reached__is_given_up(night: Night, sessions: list[str], code: str) -> None:
    for kind in sessions:
        session = night.session(kind, management="unmanaged" if kind == "unmanaged" else "managed")
        if kind == "stale":
            old = Now() - timedelta(hours=numbers.STALE_HOURS.value, minutes=1)
            RuntimeSession.objects.filter(pk=session.pk).update(beat_at=old)
    night.post()
    assert night.turn() == ["dead"]
    assert (night.wake.status, night.wake.error_code, night.tries) == ("dead", code, [])


def test_typing__holds_it_and_counts_as_no_try(night: Night) -> None:
    session = night.session()
    RuntimeSession.objects.filter(pk=session.pk).update(
        operator_busy_until=Now() + timedelta(hours=1)
    )
    night.post()
    for _ in range(3):
        assert night.turn() == ["defer"]
        night.later(numbers.RECHECK_SECONDS.value + 0.1)
    row = night.wake
    assert (row.status, row.error_code, row.deferrals) == ("deferred", "HUMAN_INPUT_COLLISION", 3)
    assert (row.live_tries, row.attempts, night.tries) == (0, 0, [])
    RuntimeSession.objects.filter(pk=session.pk).update(operator_busy_until=None)
    assert night.turn() == ["live"]
    assert night.wake.deferred_since is None


def test_typing__for_longer_than_a_minute__takes_the_way_back(night: Night) -> None:
    session = night.session(resumable=True)
    RuntimeSession.objects.filter(pk=session.pk).update(
        operator_busy_until=Now() + timedelta(hours=1)
    )
    night.post()
    said = []
    for _ in range(13):
        said += night.turn()
        night.later(5.1)
    assert said == [*["defer"] * 12, "dead"]
    assert night.wake.deferrals == 12


def test_typing__is_overridden_by_an_operator(night: Night) -> None:
    session = night.session()
    RuntimeSession.objects.filter(pk=session.pk).update(
        operator_busy_until=Now() + timedelta(hours=1)
    )
    night.post()
    assert night.turn() == ["defer"]
    ask_wake(
        night.talk.thread, night.talk.reviewer, actor=night.talk.operator, reason="Now.", force=True
    )
    assert night.turn() == ["live"]


def test_pace__holds_and_counts_as_no_try(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(numbers.TRIGGERS_PER_MINUTE.env_name, "2")
    night.session()
    threads = [night.talk.begin(title=f"Thread {n}") for n in range(3)]
    for thread in threads:
        night.talk.post("executioner", thread=thread, to={"role": "reviewer"})
    assert sorted(night.turn()) == ["hold", "live", "live"]
    held = next(row for row in night.talk.wakes() if row.status == "deferred")
    assert (held.error_code, held.live_tries, held.attempts) == ("TRIGGER_RATE_LIMITED", 0, 0)
    night.later(61)
    assert "live" in night.turn()


def test_breaker__lets_the_oldest_go_on(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(numbers.PENDING_MOST.env_name, "2")
    night.session()
    for n in range(4):
        thread = night.talk.begin(title=f"Thread {n}")
        night.talk.post("executioner", thread=thread, to={"role": "reviewer"})
    assert night.turn() == ["live", "live", "hold", "hold"]
    assert [row.error_code for row in night.talk.wakes()][2:] == ["WAKE_BREAKER"] * 2
    night.beat()
    night.talk.asleep()
    night.later(60.5)
    assert night.turn() == ["live", "live"]


@pytest.mark.parametrize("what", ["thread", "agent"])
def test_paused__waits_untouched(night: Night, what: str) -> None:
    night.session()
    row = night.post()
    AgentPulse.objects.get_or_create(
        agent=night.talk.reviewer, defaults={"seen_at": row.created_at, "paced_until": Now()}
    )
    night.talk.asleep()

    def pause(on: bool) -> None:
        if what == "thread":
            Thread.objects.filter(pk=night.talk.thread.pk).update(wakes_paused=on)
        else:
            AgentPulse.objects.filter(agent=night.talk.reviewer).update(wakes_paused=on)

    pause(True)
    night.later(600)
    assert night.turn() == []
    pause(False)
    assert night.turn() == ["live"]


def test_awake__is_let_be(night: Night) -> None:
    night.session()
    night.post()
    night.beat()
    assert night.turn() == ["settle"]
    assert (night.wake.status, night.wake.result, night.tries) == (
        "delivered", "already_active", [],
    )  # fmt: skip


def test_closed_thread__wakes_nobody(night: Night) -> None:
    night.session()
    night.post()
    services.update_status(
        night.talk.thread, "closed", actor=night.talk.operator, reason="human_override: done"
    )
    assert night.turn() == ["cancel"]
    assert (night.wake.status, night.wake.error_code) == ("cancelled", "THREAD_CLOSED")


def test_closed_thread__wakes_nobody_by_force_either(night: Night) -> None:
    night.session()
    night.post()
    talk = night.talk
    ask_wake(talk.thread, talk.reviewer, actor=talk.operator, reason="Now.", force=True)
    services.update_status(talk.thread, "closed", actor=talk.operator, reason="human_override: x")
    assert night.turn() == ["cancel"]


def test_blocked_thread__waits_for_people(night: Night) -> None:
    night.session()
    night.post()
    services.update_status(night.talk.thread, "blocked", actor=night.talk.operator, reason="Wait.")
    assert night.turn() == []
    services.update_status(night.talk.thread, "active", actor=night.talk.operator, reason="Go on.")
    assert night.turn()[0] == "live"
