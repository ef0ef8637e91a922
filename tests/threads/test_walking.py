"""A thread moves by its table; of two moves the first wins; workers close nothing disputed."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from missions.threads import services
from missions.threads.models import Message, Thread
from tests import make
from tests.kit import settled
from tests.kit.threads import Talk

pytestmark = pytest.mark.django_db

OVERRIDE = "human_override: nobody needs it"
LEGAL = {
    "active": {"resolved", "blocked", "closed"},
    "blocked": {"active", "closed"},
    "resolved": {"closed", "active"},
    "closed": set(),
}


@settled.once
def talk() -> Talk:
    return Talk()


def _move(talk: Talk, to: str, who: str = "", reason: str = OVERRIDE) -> Thread:
    actor = talk.by(who) if who else talk.operator
    return services.update_status(talk.thread, to, actor=actor, reason=reason)


def test_status__there_and_back_is_told_in_the_thread(talk: Talk) -> None:
    _move(talk, "resolved", "reviewer", "All fixed.")
    _move(talk, "active", "executioner", "One was left.")
    _move(talk, "blocked", "reviewer", "Need a decision.")
    _move(talk, "active", reason="Decided.")
    _move(talk, "resolved", "reviewer", "")
    row = _move(talk, "closed", "executioner", "")
    assert row.status == "closed"
    told = Message.objects.filter(thread=row).values_list("seq", "metadata__status", "kind")
    ways = ["resolved", "active", "blocked", "active", "resolved", "closed"]
    assert list(told) == [(n + 1, status, "system") for n, status in enumerate(ways)]
    actions = AuditEvent.objects.filter(action__startswith="thread.", details__has_key="transition")
    assert list(actions.order_by("pk").values_list("action", flat=True)) == [
        "thread.resolve", "thread.reopen", "thread.escalate", "thread.unblock", "thread.resolve",
        "thread.close",
    ]  # fmt: skip


@given(st.lists(st.sampled_from(sorted(LEGAL)), max_size=8))
def test_status__any_walk_keeps_to_the_table(ways: list[str]) -> None:
    talk = Talk()
    state = "active"
    for to in ways:
        if to in LEGAL[state] or to == state:
            assert _move(talk, to).status == to
            state = to
        else:
            with pytest.raises(Conflict):
                _move(talk, to)
    row = Thread.objects.get(pk=talk.thread.pk)
    assert row.status == state
    assert row.last_seq == Message.objects.filter(thread=row).count()


def test_status__the_same_is_no_error_and_no_news(talk: Talk) -> None:
    _move(talk, "active")
    assert not Message.objects.exists()


def test_status__what_it_was_when_one_looked(talk: Talk) -> None:
    _move(talk, "blocked", "reviewer", "Stuck.")
    with pytest.raises(Conflict, match="since you looked"):
        services.update_status(talk.thread, "resolved", actor=talk.operator, version=1)


@pytest.mark.parametrize("state", ["active", "blocked"])
def test_close__a_worker_may_not_force_it(talk: Talk, state: str) -> None:
    if state == "blocked":
        _move(talk, "blocked", "executioner", "Stuck.")
    with pytest.raises(NotAllowed) as refused:
        _move(talk, "closed", "executioner")
    assert refused.value.error_code == "INSUFFICIENT_AUTHORITY"
    with pytest.raises(Invalid) as unsaid:
        _move(talk, "closed", "coordinator", "Because.")
    assert unsaid.value.details["reason"]
    with pytest.raises(Invalid):
        _move(talk, "closed", "coordinator", "human_override:  ")
    assert _move(talk, "closed", "coordinator", "coordinator_override: settled").status == "closed"


def test_close__not_with_findings_open(talk: Talk) -> None:
    talk.event("reviewer", "finding_reported")
    _move(talk, "resolved", "executioner", "")
    with pytest.raises(NotAllowed) as refused:
        _move(talk, "closed", "executioner", "")
    assert refused.value.error_code == "INSUFFICIENT_AUTHORITY"
    assert _move(talk, "closed", reason="").status == "closed"


def test_status__strangers_move_nothing(talk: Talk) -> None:
    validator = talk.by(talk.agent("validator"))
    viewer = make.actor(make.person(talk.workspace, "viewer"))
    for actor in (validator, viewer, Talk().operator, Talk().by("coordinator")):
        with pytest.raises(NotAllowed):
            services.update_status(talk.thread, "resolved", actor=actor)
    with pytest.raises(NotAllowed):
        _move(talk, "blocked", reason="x")
        _move(talk, "active", "executioner", "I want to.")  # unblocking is for who leads


def test_status__reasons(talk: Talk) -> None:
    with pytest.raises(Invalid):
        _move(talk, "blocked", reason="")
    with pytest.raises(Invalid):
        _move(talk, "gone")
    _move(talk, "resolved", reason="")
    with pytest.raises(Invalid):
        _move(talk, "active", reason="")


def test_status__the_database_holds_to_the_table(talk: Talk) -> None:
    _move(talk, "closed")
    rows = Thread.objects.filter(pk=talk.thread.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(status="active")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(last_seq=99)


def test_people__come_and_go(talk: Talk) -> None:
    planner = talk.agent("planner")
    part = services.add_participant(talk.thread, planner, actor=talk.by("coordinator"), role="eyes")
    assert part.role == "eyes"
    with pytest.raises(Conflict):
        services.add_participant(talk.thread, planner, actor=talk.operator)
    with pytest.raises(NotAllowed):
        services.remove_participant(talk.thread, planner, actor=talk.by("executioner"))
    with pytest.raises(Invalid):
        services.add_participant(talk.thread, Talk().reviewer, actor=talk.operator)
    services.remove_participant(talk.thread, planner, actor=talk.operator, reason="Done.")
    with pytest.raises(Conflict):
        services.remove_participant(talk.thread, planner, actor=talk.operator)
    assert Message.objects.filter(thread=talk.thread, kind="system").count() == 2


def test_create__an_agent_takes_part_in_what_it_begins(talk: Talk) -> None:
    row = services.create_thread(talk.workspace, actor=talk.by("executioner"), title="Mine")
    assert row.participants.get().agent == talk.executioner
    assert row.ref.startswith("THR-")
    services.add_participant(row, talk.reviewer, actor=talk.by("executioner"))
    wrongs: list[dict[str, Any]] = [{"title": " "}, {"title": "x", "kind": "party"}]
    for wrong in wrongs:
        with pytest.raises(Invalid):
            services.create_thread(talk.workspace, actor=talk.by("executioner"), **wrong)
    with pytest.raises(Invalid):
        services.create_thread(talk.workspace, actor=talk.operator, title="Nobody in it")
    with pytest.raises(NotAllowed):
        services.create_thread(talk.workspace, actor=Talk().by("executioner"), title="Foreign")


def test_summary__says_where_it_stands(talk: Talk) -> None:
    talk.event("reviewer", "finding_reported", "Leaks.", metadata={"finding_id": "F-1"})
    talk.event("reviewer", "finding_reported", "Slow.", metadata={"finding_id": "F-2"})
    talk.event("executioner", "fix_pushed", "Fixed.", metadata={"finding_id": "F-1"})
    talk.event("reviewer", "finding_verified", "Good.", metadata={"finding_id": "F-1"})
    services.ack_read(talk.thread.uid, 4, actor=talk.by("executioner"))
    said = services.summarize_thread(talk.thread, actor=talk.operator)
    assert [each["finding"] for each in said["open_items"]] == ["F-2"]
    assert [each["finding"] for each in said["closed_items"]] == ["F-1"]
    waited = [each["name"] for each in said["waiting_for"]]
    assert talk.executioner.name not in waited
    assert talk.coordinator.name in waited
    assert "1 open findings" in said["summary"]
    with pytest.raises(NotAllowed):
        services.summarize_thread(talk.thread, actor=Talk().operator)
    with pytest.raises(Invalid):
        services.summarize_thread(talk.thread, actor=talk.operator, max_messages=0)
