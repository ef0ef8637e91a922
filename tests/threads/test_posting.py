"""Messages are numbered without a gap, said once for each key, and taken only of those who may."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, InternalError, transaction

from controlplane.audit.models import AuditEvent
from controlplane.lib import actors, clock
from controlplane.lib.errors import (
    Conflict,
    IdempotencyConflict,
    Invalid,
    NotAllowed,
    NotFound,
    RateLimited,
    TooLarge,
)
from missions.threads import numbers, services
from missions.threads.drafts import read
from missions.threads.models import AgentPulse, Message
from tests import make
from tests.kit import settled
from tests.kit.threads import Talk

pytestmark = pytest.mark.django_db


@settled.once
def talk() -> Talk:
    return Talk()


def test_post__numbers_follow_each_other(talk: Talk) -> None:
    first = talk.post("executioner", "One.")
    second = talk.post("reviewer", "Two.", in_reply_to=1)
    assert (first.seq, second.seq) == (1, 2)
    rows = list(
        Message.objects.filter(thread=talk.thread).values_list("seq", "body", "in_reply_to")
    )
    assert rows == [(1, "One.", None), (2, "Two.", 1)]
    talk.thread.refresh_from_db()
    assert talk.thread.last_seq == 2


def test_post__is_audited_without_its_words(talk: Talk) -> None:
    talk.post("executioner", "the secret plan")
    row = AuditEvent.objects.get(action="thread.post")
    assert row.details == {"seq": 1, "kind": "chat", "event": "", "session": ""}
    assert row.actor_ref == f"agent:{talk.executioner.pk}"
    assert row.subject_ref == f"threads.thread:{talk.thread.pk}"
    assert "secret" not in str(row.__dict__)


def test_post__a_key_says_it_once(talk: Talk) -> None:
    first = talk.post("executioner", "Once.", idempotency_key="k1")
    again = talk.post("executioner", "Once.", idempotency_key="k1")
    assert (again.message_id, again.seq, again.replayed) == (first.message_id, 1, True)
    # The key is its sender's: another's is another.
    assert talk.post("reviewer", "Once.", idempotency_key="k1").seq == 2
    with pytest.raises(IdempotencyConflict):
        talk.post("executioner", "Twice.", idempotency_key="k1")
    with pytest.raises(IdempotencyConflict):
        talk.post("executioner", "Once.", idempotency_key="k1", to={"role": "reviewer"})
    assert Message.objects.filter(thread=talk.thread).count() == 2


def test_post__a_key_of_the_day_before_is_free_again(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk.post("executioner", "Yesterday.", idempotency_key="k1")
    monkeypatch.setenv(numbers.IDEMPOTENCY_HOURS.env_name, "0")
    assert talk.post("executioner", "Today.", idempotency_key="k1").seq == 2


def test_post__who_takes_no_part_is_refused(talk: Talk) -> None:
    with pytest.raises(NotAllowed) as refused:
        talk.post(talk.agent("validator"), thread=talk.thread)
    assert refused.value.error_code == "FORBIDDEN"
    stranger = Talk()
    with pytest.raises(NotAllowed) as refused:
        stranger.post("executioner", thread=talk.thread)
    assert refused.value.error_code == "WORKSPACE_MISMATCH"
    with pytest.raises(NotAllowed):
        services.post_message(talk.thread.uid, read({"body": "x"}), actor=make.actor(
            make.person(talk.workspace, "viewer")))  # fmt: skip
    with pytest.raises(NotAllowed):
        services.post_message(talk.thread.uid, read({"body": "x"}), actor=actors.ANONYMOUS)
    with pytest.raises(NotFound):
        services.post_message(uuid4(), read({"body": "x"}), actor=talk.by("executioner"))
    assert not Message.objects.exists()


def test_post__system_messages_are_the_portals(talk: Talk) -> None:
    with pytest.raises(NotAllowed):
        talk.post("coordinator", kind="system")
    with pytest.raises(NotAllowed):
        talk.post(talk.operator, kind="system")


def test_post__who_left_is_outside(talk: Talk) -> None:
    services.remove_participant(talk.thread, talk.reviewer, actor=talk.by("coordinator"))
    with pytest.raises(NotAllowed):
        talk.post("reviewer")
    services.add_participant(talk.thread, talk.reviewer, actor=talk.by("coordinator"))
    assert talk.post("reviewer").seq == 3  # after the two of the portal


def test_post__a_closed_thread_takes_nothing(talk: Talk) -> None:
    services.update_status(
        talk.thread, "closed", actor=talk.operator, reason="human_override: no longer wanted"
    )
    for who in ("executioner", "coordinator", talk.operator):
        with pytest.raises(Conflict, match="closed"):
            talk.post(who)
    assert Message.objects.get().kind == "system"


def test_post__in_a_blocked_thread_people_and_coordinators_write(talk: Talk) -> None:
    services.update_status(talk.thread, "blocked", actor=talk.by("reviewer"), reason="Stuck.")
    with pytest.raises(Conflict, match="blocked"):
        talk.post("executioner")
    assert talk.post("coordinator").seq == 2
    assert talk.post(talk.operator).seq == 3


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"body": ""}, "body"),
        ({"body": 7}, "body"),
        ({"body": "a\0b"}, "body"),
        ({"body": "half \ud800"}, "body"),
        ({"kind": "shout"}, "kind"),
        ({"kind": "event"}, "event_type"),
        ({"kind": "event", "event_type": "Not So"}, "event_type"),
        ({"event_type": "fix_pushed"}, "event_type"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": {"a": "x\0"}}, "metadata"),
        ({"metadata": {"a": float("nan")}}, "metadata"),
        ({"in_reply_to": 0}, "in_reply_to"),
        ({"in_reply_to": True}, "in_reply_to"),
        ({"in_reply_to": 99}, "in_reply_to"),
        ({"schema_version": "1"}, "schema_version"),
        ({"schema_version": 2}, "schema_version"),
        ({"idempotency_key": "with blank"}, "idempotency_key"),
        ({"idempotency_key": "k" * 201}, "idempotency_key"),
        ({"to": "somebody"}, "to"),
        ({"to": {"role": "Nobody!"}}, "to"),
        ({"to": {"role": "planner"}}, "to"),
        ({"to": {"agents": []}}, "to"),
        ({"to": {"agents": ["x"]}}, "to"),
        ({"to": {"agents": ["01a203ed-73ee-70d6-ba1a-c2f72d8b34c3"]}}, "to"),
    ],
    ids=str,
)
def test_post__what_has_not_its_form_is_refused(
    talk: Talk, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        talk.post("executioner", **{"body": "x", **given})
    assert refused.value.details.get(field)
    assert not Message.objects.exists()


def test_post__what_is_too_long_is_refused(talk: Talk) -> None:
    most = numbers.BODY_MAX.value
    talk.post("executioner", "x" * most)
    with pytest.raises(TooLarge):
        talk.post("executioner", "é" * (most // 2 + 1))
    with pytest.raises(TooLarge):
        talk.post("executioner", metadata={"a": "x" * numbers.METADATA_MAX.value})


def test_post__unknown_fields_and_events_are_kept(talk: Talk) -> None:
    talk.post("executioner", kind="event", event_type="mood_changed", metadata={"new": [1]}, mood=1)
    row = Message.objects.get()
    assert row.event == "mood_changed"
    assert row.metadata == {"new": [1], "extra_fields": {"mood": 1}}
    with pytest.raises(TooLarge):
        talk.post("executioner", novelty="x" * numbers.METADATA_MAX.value)


def test_post__its_words_stay_as_they_are(talk: Talk) -> None:
    body = "  line\r\n\ttab \x1b[31m mail me@example.org '; DROP TABLE x; -- 字 🙂  "
    talk.post("executioner", body)
    assert Message.objects.get().body == body


def test_post__faster_than_an_agent_may(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(numbers.AGENT_RATE.env_name, "0.001")
    monkeypatch.setenv(numbers.AGENT_BURST.env_name, "2")
    # The pace is the agent's, over all threads.
    other = talk.begin(title="Another")
    talk.post("executioner")
    talk.post("executioner", thread=other)
    with pytest.raises(RateLimited) as refused:
        talk.post("executioner")
    assert refused.value.retry_after
    assert talk.post("reviewer").seq == 2
    assert AgentPulse.objects.count() == 2


def test_post__faster_than_a_thread_takes(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(numbers.THREAD_RATE.env_name, "0.001")
    monkeypatch.setenv(numbers.THREAD_BURST.env_name, "1")
    talk.post("executioner")
    with pytest.raises(RateLimited):
        talk.post("reviewer")


def test_post__a_session_is_proven_or_known(talk: Talk) -> None:
    with pytest.raises(NotAllowed) as refused:
        talk.post("executioner", sender_session_id="s1")
    assert refused.value.error_code == "CLAIM_MISMATCH"
    services.heartbeat("s1", actor=talk.by("executioner"), runtime="codex")
    talk.post("executioner", sender_session_id="s1")
    assert Message.objects.get().session == "s1"
    with pytest.raises(NotAllowed):
        talk.post("reviewer", sender_session_id="s1")


def test_message__stays_as_it_was_said(talk: Talk) -> None:
    talk.post("executioner", "As said.", idempotency_key="k")
    rows = Message.objects.filter(thread=talk.thread)
    for change in ({"body": "Else."}, {"seq": 5}, {"created_at": clock.now()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.delete()
    assert rows.update(idempotency_key=None) == 1


def test_numbers__only_rise(talk: Talk) -> None:
    talk.post("executioner")
    with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
        type(talk.thread).objects.filter(pk=talk.thread.pk).update(last_seq=0)


def test_post__a_session_that_the_token_does_not_prove_is_refused(talk: Talk) -> None:
    """Also one of the agent's own: the credentials say where it speaks from."""
    mine = replace(talk.by("reviewer"), session_id="proven")
    for name in ("proven", "other"):
        services.heartbeat(name, actor=talk.by("reviewer"), runtime="codex")
    talk.post(mine, sender_session_id="proven")
    with pytest.raises(NotAllowed) as refused:
        talk.post(mine, sender_session_id="other")
    assert refused.value.error_code == "CLAIM_MISMATCH"
    assert list(Message.objects.values_list("session", flat=True)) == ["proven"]
