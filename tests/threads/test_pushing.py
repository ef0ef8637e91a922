"""Sessions that hold a stream open: whether they are there, and wakes that are pushed to them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from controlplane.lib.errors import NotAllowed
from missions.threads import fanout, numbers, services
from missions.threads.models import AgentPulse, RuntimeSession, WakeAttempt, WakeTrigger
from missions.threads.services import presence
from missions.threads.waking import reconciling
from tests import make
from tests.kit.waking import Night, allowing, program

pytestmark = pytest.mark.django_db
PRESENCE = numbers.PRESENCE_SECONDS.value
ACK = numbers.ACK_SECONDS.value


@pytest.fixture
def night() -> Night:
    return Night()


def pushed(night: Night, name: str = "s1", adapter: str = "sse", **given: Any) -> RuntimeSession:
    return night.session(name, adapter=adapter, **given)


def test_connected__the_try_is_taken_once(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    hinted: list[int] = []
    monkeypatch.setattr(fanout, "push", hinted.append)
    session = pushed(night)
    assert presence.renew([session.pk], "a") == []
    row = night.post(body="The body stays here.")
    assert night.turn() == ["live"]
    assert hinted == [night.talk.reviewer.pk]
    assert presence.renew([session.pk], "a") == [session.pk]  # a hint that was lost
    (told,) = presence.take(session.pk)
    assert told["wake_id"] == str(row.uid)
    assert (told["session_id"], told["try"]) == ("s1", 1)
    assert told["unread"] == {"from_seq": 1, "to_seq": 1}
    assert "body" not in str(told)
    assert presence.take(session.pk) == []
    assert presence.renew([session.pk], "a") == []
    night.ack()
    assert (night.wake.status, night.wake.result) == ("delivered", "triggered")


def test_not_connected__is_tried_again_and_then_the_way_back_is_taken(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = pushed(night, adapter="mcp", resumable=True)
    presence.renew([session.pk], "a")
    night.later(PRESENCE + 1)  # its process was killed: nobody renewed it
    night.post()
    with allowing(monkeypatch, codex={"resume": program("pass")}):
        assert night.turn() == ["live"]
        night.later(2.5)
        assert night.turn() == ["live"]
        night.later(4.5)
        assert night.turn() == ["live", "resume"]
        night.place.keeper.join()
    codes = WakeAttempt.objects.order_by("pk").values_list("path", "result", "error_code")
    assert list(codes[:3]) == [("live", "failed", "NOT_CONNECTED")] * 3
    session.refresh_from_db()
    assert not session.disabled_reason


def test_back_again__what_waited_for_it_is_tried_at_once(night: Night) -> None:
    session = pushed(night)
    night.post()
    assert night.turn() == ["live"]
    assert night.turn() == []
    presence.renew([session.pk], "a")
    assert night.turn() == ["live"]
    assert [each["try"] for each in presence.take(session.pk)] == [2]


def test_taken_by_a_process_that_died__is_told_again_when_its_time_is_over(night: Night) -> None:
    session = pushed(night)
    presence.renew([session.pk], "a")
    night.post()
    night.turn()
    assert presence.take(session.pk)
    night.later(ACK + 0.5)
    presence.renew([session.pk], "b")
    assert night.turn() == ["unanswered"]
    assert presence.take(session.pk) == []
    night.later(2.5)
    assert night.turn() == ["live"]
    assert [each["try"] for each in presence.take(session.pk)] == [2]
    assert night.tries == [("live", "timeout"), ("live", "sent")]


def test_not_taken_in_time__is_told_by_nobody_later(night: Night) -> None:
    session = pushed(night)
    presence.renew([session.pk], "a")
    night.post()
    night.turn()
    night.later(ACK + 0.5)
    night.turn()
    assert presence.take(session.pk) == []


def test_another_session_that_is_there__goes_before(night: Night) -> None:
    night.session("s0", adapter="pull")
    away = pushed(night, "s1")
    night.post()
    assert night.turn() == ["live"]
    assert night.wake.session is not None
    assert night.wake.session.session_id == "s0"
    night.ack()
    night.later(60)
    presence.renew([away.pk], "a")
    night.talk.post("executioner", to={"role": "reviewer"})
    night.turn()
    assert night.wake.session is not None
    assert night.wake.session.session_id == "s1"  # the newer of two that are there


def test_there__only_until_it_leaves_or_its_time_is_over(night: Night) -> None:
    session = pushed(night)
    presence.renew([session.pk], "a")
    assert presence.is_there(session)
    presence.left([session.pk], "b")  # another process had it, and has not any more
    assert presence.is_there(session)
    presence.left([session.pk], "a")
    assert not presence.is_there(session)
    presence.renew([session.pk], "a")
    services.deregister_runtime(session, actor=night.talk.operator)
    night.later(PRESENCE + 1)
    presence.renew([session.pk], "a")
    assert not presence.is_there(session)
    other = night.session("s2", adapter="pull")
    presence.renew([other.pk], "a")
    assert not presence.is_there(other)


def test_connected__is_not_silent_however_long_its_last_beat_is_ago(night: Night) -> None:
    session = pushed(night)
    night.later((numbers.STALE_HOURS.value + 1) * 3600)
    rows = RuntimeSession.objects.filter(pk=session.pk)
    assert rows.stale().exists()
    presence.renew([session.pk], "a")
    assert rows.fresh().exists()
    reconciling.stale()
    session.refresh_from_db()
    assert session.status == "active"
    night.post()
    assert night.turn() == ["live"]


def test_given_up__is_woken_anew_when_the_stream_is_back(night: Night) -> None:
    session = pushed(night)
    night.post()
    for wait in (0, 2.5, 4.5, 1):
        night.later(wait)
        night.turn()
    assert night.wake.state == "dead"
    night.later(600)
    assert reconciling.missed() == 0
    presence.renew([session.pk], "a")
    assert reconciling.missed() == 1


@pytest.mark.parametrize(
    ("adapter", "status", "held", "lives"),
    [
        ("sse", "active", "s1", False),
        ("sse", "active", "", False),
        ("pull", "idle", "s1", False),
        ("pull", "active", "s1", True),
        ("pull", "offline", "", True),
        ("sse", "active", None, True),
    ],
)
def test_stream_that_looks__is_a_sign_of_life_of_who_is_at_work_alone(
    night: Night, adapter: str, status: str, held: str | None, lives: bool
) -> None:
    night.session("s1", adapter=adapter)
    RuntimeSession.objects.update(status=status)
    AgentPulse.objects.filter(agent=night.talk.reviewer).delete()
    actor = night.talk.by("reviewer")
    services.read_inbox(actor=actor, held=held)
    services.read_messages(night.talk.thread.uid, actor=actor, held=held)
    assert AgentPulse.objects.filter(agent=night.talk.reviewer).exists() is lives


def test_whose_stream__is_proven_named_or_the_only_one(night: Night) -> None:
    actor = night.talk.by("reviewer")
    first = pushed(night, "s1")
    assert presence.session_of(actor, "", "sse") == first
    assert presence.session_of(actor, "", "mcp") is None
    second = pushed(night, "s2")
    assert presence.session_of(actor, "", "sse") is None
    assert presence.session_of(actor, "s2", "sse") == second
    night.session("s3", adapter="pull")
    assert presence.session_of(actor, "s3", "sse") is None


def test_stranger__streams_for_no_session_of_another(night: Night) -> None:
    pushed(night, "s1")
    outsider = make.agent(make.workspace(), role="reviewer")
    for agent in (night.talk.executioner, outsider):
        with pytest.raises(NotAllowed) as refused:
            presence.session_of(night.talk.by(agent), "s1", "sse")
        assert refused.value.error_code == "CLAIM_MISMATCH"
        assert presence.session_of(night.talk.by(agent), "", "sse") is None
    assert presence.session_of(night.talk.operator, "s1", "sse") is None


def test_waiting_row_is_due__only_of_who_came_back(night: Night) -> None:
    session = pushed(night)
    night.post()
    night.turn()
    other = night.session("x1", agent=night.talk.executioner, adapter="sse")
    presence.renew([other.pk], "a")
    assert not WakeTrigger.objects.filter(agent=night.talk.reviewer, ready_at__lte=Now()).exists()
    presence.renew([session.pk], "a")
    soon = Now() + timedelta(seconds=1)
    assert WakeTrigger.objects.filter(agent=night.talk.reviewer, ready_at__lte=soon).exists()


def test_page_of_a_session__says_whether_its_stream_is_open(night: Night) -> None:
    session = pushed(night)
    browser = make.client(make.person(night.talk.workspace, "operations_command"))
    url = f"/admin/threads/runtimesession/{session.uid}/change/"
    assert "not open" in browser.get(url).content.decode()
    presence.renew([session.pk], "a")
    page = browser.get(url).content.decode()
    assert "not open" not in page
    assert "I type there" in page
    stranger = make.client(make.person(make.workspace(), "operations_command"))
    assert stranger.get(url).status_code in {302, 404}
