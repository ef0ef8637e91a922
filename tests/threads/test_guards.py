"""A thread in which nothing moves, or the same finding comes again and again, stops by itself."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.audit.models import AuditEvent
from controlplane.base.models import Signal
from controlplane.lib.errors import Conflict, RateLimited
from missions.threads import numbers, services
from missions.threads.models import Message
from tests.kit import settled
from tests.kit.threads import Talk

pytestmark = pytest.mark.django_db


@settled.once
def talk() -> Talk:
    return Talk()


def _turns(talk: Talk, number: int, **given: Any) -> None:
    for turn in range(number):
        talk.post("executioner" if turn % 2 else "reviewer", f"Turn {turn}.", **given)


def test_turns__without_progress_block_the_thread(talk: Talk) -> None:
    most = numbers.IDLE_TURNS.value
    _turns(talk, most - 1)
    talk.thread.refresh_from_db()
    assert talk.thread.status == "active"
    last = talk.post("executioner", "One too many.")
    assert (last.seq, last.thread_status) == (most, "blocked")  # it was taken, and told
    talk.thread.refresh_from_db()
    assert (talk.thread.status, talk.thread.blocked_by) == ("blocked", "no_progress")
    told = Message.objects.get(thread=talk.thread, seq=most + 1)
    assert (told.kind, told.metadata) == ("system", {"guard": "no_progress"})
    details = AuditEvent.objects.get(action="thread.escalate").details
    assert details is not None
    assert details["guard"] == "no_progress"
    news = Signal.objects.get(kind="thread.guard")
    assert news.payload["thread"] == str(talk.thread.uid)
    with pytest.raises(Conflict):
        talk.post("reviewer")


@pytest.mark.parametrize("event", ["fix_pushed", "finding_verified", "thread_resolved"])
def test_turns__progress_begins_anew(talk: Talk, event: str) -> None:
    most = numbers.IDLE_TURNS.value
    _turns(talk, most - 1)
    talk.event("executioner", event, "Done.")
    _turns(talk, most - 1)
    talk.thread.refresh_from_db()
    assert (talk.thread.status, talk.thread.idle_turns) == ("active", most - 1)


def test_turns__a_person_begins_anew_and_a_chain_of_three_does_not(talk: Talk) -> None:
    most = numbers.IDLE_TURNS.value
    for turn in range(most - 1):
        talk.post(("executioner", "reviewer", "coordinator")[turn % 3], f"{turn}")
    talk.post(talk.operator, "Go on.")
    _turns(talk, most - 1)
    assert talk.post("coordinator", "x").thread_status == "blocked"


def test_finding__the_same_three_times_blocks(talk: Talk) -> None:
    for _ in range(2):
        talk.event("reviewer", "finding_reported", metadata={"finding_id": "F-1"})
        talk.event("executioner", "fix_pushed", "Fixed.", metadata={"finding_id": "F-1"})
    last = talk.event("reviewer", "finding_rejected", "No.", metadata={"finding_id": "F-1"})
    assert last.thread_status == "blocked"
    talk.thread.refresh_from_db()
    assert talk.thread.blocked_by == "repeated_finding"


def test_finding__the_same_words_are_the_same_finding(talk: Talk) -> None:
    for body in ("It leaks!", "it  LEAKS", "It leaks."):
        last = talk.event("reviewer", "finding_reported", body)
    assert last.thread_status == "blocked"


def test_finding__what_was_verified_begins_anew(talk: Talk) -> None:
    for _ in range(2):
        talk.event("reviewer", "finding_reported", metadata={"finding_id": "F-1"})
    talk.event("reviewer", "finding_verified", metadata={"finding_id": "F-1"})
    talk.thread.refresh_from_db()
    assert talk.thread.findings == {}
    for name in ("F-1", "F-2", "F-1", "F-2"):
        last = talk.event("reviewer", "finding_reported", metadata={"finding_id": name})
    assert last.thread_status == "active"


def test_finding__more_than_are_counted_apart_are_counted_together(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(numbers.FINDINGS_OPEN.env_name, "2")
    for number in range(4):
        talk.event("reviewer", "finding_reported", metadata={"finding_id": f"F-{number}"})
    talk.thread.refresh_from_db()
    assert talk.thread.findings == {"F-0": 1, "F-1": 1, "others": 2}


def test_unblocked__it_counts_anew(talk: Talk) -> None:
    _turns(talk, numbers.IDLE_TURNS.value)
    services.update_status(talk.thread, "active", actor=talk.operator, reason="Go on.")
    talk.thread.refresh_from_db()
    assert (talk.thread.idle_turns, talk.thread.blocked_by) == (0, "")
    assert talk.post("executioner").thread_status == "active"


def test_flood__is_stopped_by_whoever_may_though_agents_are_held_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What stops a flood is not what waits for it to end."""
    monkeypatch.setenv(numbers.THREAD_RATE.env_name, "0.001")
    monkeypatch.setenv(numbers.THREAD_BURST.env_name, "1")
    talk = Talk()
    talk.post("executioner")
    with pytest.raises(RateLimited):
        talk.post("reviewer")
    row = services.update_status(talk.thread, "blocked", actor=talk.operator, reason="Enough.")
    assert row.status == "blocked"
    assert talk.post(talk.operator, "Who began this?").seq == 3
