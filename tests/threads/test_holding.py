"""What holds wakes back is said: limits in the thread, typing and pauses by whoever may."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from missions.threads import links, numbers, services
from missions.threads.models import Message, RuntimeSession, WakeTrigger
from missions.threads.services.calling import call_due
from missions.threads.services.escalating import add_rule
from missions.threads.services.pausing import mute_participant
from missions.threads.waking import reconciling
from tests import make
from tests.kit.api import refused
from tests.kit.threads_api import THREADS, Callers
from tests.kit.waking import Night

pytestmark = pytest.mark.django_db


@pytest.fixture
def night() -> Night:
    return Night()


def said(night: Night) -> list[str]:
    rows = Message.objects.filter(thread=night.talk.thread, kind="system").order_by("seq")
    return list(rows.values_list("body", flat=True))


def noted(action: str) -> list[Any]:
    return [
        each.details
        for each in AuditEvent.objects.filter(action=action, outcome="done").order_by("pk")
    ]


def test_pace__is_said_in_the_thread_and_the_log_once(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(numbers.TRIGGERS_PER_MINUTE.env_name, "0")
    night.session()
    row = night.post()
    for _ in range(3):
        assert night.turn() == ["hold"]
        night.later(numbers.RECHECK_SECONDS.value + 0.5)
    name = night.talk.reviewer.name
    assert said(night) == [f"{name} is woken later: it was woken as often as it may be within"
                           " a minute."]  # fmt: skip
    assert [each["code"] for each in noted("thread.wake:held")] == ["TRIGGER_RATE_LIMITED"]
    assert night.wake.deferrals == 3
    # It asks for no wakes of its own.
    assert [each.pk for each in night.talk.wakes()] == [row.pk]


def test_pace__of_a_thread_that_was_closed_meanwhile_breaks_nothing(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(numbers.TRIGGERS_PER_MINUTE.env_name, "0")
    night.session()
    night.post()
    from missions.threads.waking.services import settling

    (row,) = night.claim()
    row = WakeTrigger.objects.select_related("thread", "agent").get(pk=row.pk)
    why = "human_override: Enough."
    services.update_status(night.talk.thread, "closed", actor=night.talk.operator, reason=why)
    assert settling.hold(row, "WAKE_BREAKER", 1.0)
    assert not any("woken later" in each for each in said(night))


def test_rule__calls_whom_it_names_for_a_wake_that_a_limit_holds(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(numbers.TRIGGERS_PER_MINUTE.env_name, "0")
    talk = night.talk
    add_rule(talk.workspace, actor=talk.operator, what="held_wake", whom="role",
             role="operations_command", after_minutes=5)  # fmt: skip
    night.session()
    night.post()
    night.turn()
    assert call_due()["called"] == 0
    night.later(301)
    assert call_due()["called"] == 1


def test_given_up_and_taken_back__stand_in_the_log(night: Night) -> None:
    night.post()
    assert night.turn() == ["dead"]
    assert [each["code"] for each in noted("thread.wake:dead")] == ["RUNTIME_NOT_FOUND"]
    night.talk.post("executioner", to={"role": "coordinator"})
    why = "human_override: Enough."
    services.update_status(night.talk.thread, "closed", actor=night.talk.operator, reason=why)
    reconciling.ended()
    assert {each["code"] for each in noted("thread.wake:off")} == {"THREAD_CLOSED"}


def test_typing__a_runtime_says_so_with_its_beat(night: Night) -> None:
    session = night.session()
    actor = night.talk.by("reviewer")
    services.heartbeat("s1", actor=actor, runtime="codex", status="idle", operator_busy_s=20)
    night.post()
    assert night.turn() == ["defer"]
    assert (night.wake.status, night.wake.error_code) == ("deferred", "HUMAN_INPUT_COLLISION")
    assert [each["code"] for each in noted("thread.wake:held")] == ["HUMAN_INPUT_COLLISION"]
    services.heartbeat("s1", actor=actor, runtime="codex", status="idle", operator_busy_s=0)
    night.later(numbers.RECHECK_SECONDS.value + 0.5)
    assert night.turn() == ["live"]
    session.refresh_from_db()
    assert session.operator_busy_until is None
    for wrong in (-1, 3_601, True):
        with pytest.raises(Invalid):
            services.heartbeat("s1", actor=actor, runtime="codex", operator_busy_s=wrong)


def test_typing__an_operator_says_so_and_takes_it_back(night: Night) -> None:
    session = night.session()
    browser = make.client(make.person(night.talk.workspace, "operations_command"))
    url = f"/admin/threads/runtimesession/{session.uid}/"
    for name, busy in (("hold", True), ("let_go", False)):
        browser.post(f"{url}do/{name}/", {"reason": ""})
        session.refresh_from_db()
        assert (session.operator_busy_until is not None) is busy, name
    assert len(noted("thread.typing")) == len(noted("thread.typing:off")) == 1
    for who in (
        night.talk.by("executioner"),
        make.actor(make.person(night.talk.workspace, "viewer")),
    ):
        with pytest.raises(NotAllowed):
            services.hold_for_typing(session, 10, actor=who)


def test_mute__nobody_is_woken_for_that_thread_and_for_others_as_before(night: Night) -> None:
    talk = night.talk
    other = talk.begin(title="Another")
    given: dict[str, Any] = {"actor": talk.operator}
    with pytest.raises(Invalid):
        mute_participant(talk.thread, talk.reviewer, muted=True, **given)
    part = mute_participant(talk.thread, talk.reviewer, muted=True, reason="Too chatty.", **given)
    assert not part.wakes
    talk.post("executioner", to={"role": "reviewer"})
    assert talk.wakes(talk.reviewer) == []
    talk.post("executioner", thread=other, to={"role": "reviewer"})
    assert len(talk.wakes(talk.reviewer)) == 1
    mute_participant(talk.thread, talk.reviewer, muted=False, **given)
    assert reconciling.missed() >= 1
    with pytest.raises(Conflict):
        mute_participant(talk.thread, talk.agent("validator"), muted=False, **given)
    stranger = make.actor(make.person(make.workspace(), "operations_command"))
    for who in (stranger, talk.by("coordinator")):
        with pytest.raises(NotAllowed):
            mute_participant(talk.thread, talk.reviewer, actor=who, muted=False)


def test_mute__by_the_api_and_in_the_console() -> None:
    world = Callers()
    talk = world.talk
    at = f"{THREADS}/{talk.thread.uid}/participants/{talk.reviewer.uid}"
    person = world.person("operations_command")
    answer = person.send("PATCH", at, {"wakes": False, "reason": "Too chatty."})
    assert (answer.status_code, answer.json()["wakes"]) == (200, False), answer.content
    refused(person.send("PATCH", at, {"wakes": "so"}), "INVALID_ARGUMENT")
    refused(world.executioner.send("PATCH", at, {"wakes": True}), "FORBIDDEN")
    refused(world.person("viewer").send("PATCH", at, {"wakes": True}), "FORBIDDEN")
    browser = make.client(make.person(talk.workspace, "operations_command"))
    url = links.act(talk.thread, "pause", talk.reviewer.uid)
    assert "for this thread" in browser.get(url).content.decode()
    browser.post(url, {"to": "wake"})
    assert talk.part(talk.reviewer).wakes
    browser.post(url, {"to": "pause", "where": "here", "reason": "Again."})
    assert not talk.part(talk.reviewer).wakes
    assert RuntimeSession.objects.count() == 0
    assert len(noted("thread.pause")) == 2
    assert len(noted("thread.pause:off")) == 1


def test_waits_for_typing__is_noted_once_however_often_it_is_looked_at(night: Night) -> None:
    session = night.session()
    services.hold_for_typing(session, 300, actor=night.talk.operator)
    night.post()
    for _ in range(3):
        assert night.turn() == ["defer"]
        night.later(numbers.RECHECK_SECONDS.value + 0.5)
    assert len(noted("thread.wake:held")) == 1
    assert WakeTrigger.objects.filter(deferrals=3).exists()
