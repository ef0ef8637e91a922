"""Asking for a wake: by whom, once, and joined to the one that is open."""

from __future__ import annotations

import pytest

from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import (
    Conflict,
    IdempotencyConflict,
    Invalid,
    NotAllowed,
    NotFound,
)
from missions.threads import numbers, services
from missions.threads.models import WakeTrigger
from missions.threads.waking.asking import acknowledge_wake, ask_wake
from tests import make
from tests.kit.racing import race
from tests.kit.waking import Night

pytestmark = pytest.mark.django_db


@pytest.fixture
def night() -> Night:
    return Night()


def ask(night: Night, **given: object) -> WakeTrigger:
    values: dict[str, object] = {"actor": night.talk.operator, "reason": "It is needed.", **given}
    return ask_wake(night.talk.thread, night.talk.reviewer, **values)  # type: ignore[arg-type]


def test_asking__begins_one_and_is_told_of(night: Night) -> None:
    row = ask(night, prompt="Look at the second finding.")
    assert (row.status, row.reason, row.why) == ("queued", "asked", "It is needed.")
    told = AuditEvent.objects.get(action="thread.wake")
    assert told.reason == "It is needed."
    assert "second finding" not in str(told.details)


def test_same_key__is_the_same_wake(night: Night) -> None:
    first = ask(night, request_key="r1")
    assert ask(night, request_key="r1") == first
    for other in ({"reason": "Another."}, {"prompt": "Other."}):
        with pytest.raises(IdempotencyConflict):
            ask(night, request_key="r1", **other)
    night.session()
    night.turn()
    night.ack(0)
    assert ask(night, request_key="r1") == first


def test_asking__joins_the_one_that_unread_messages_began(night: Night) -> None:
    row = night.post()
    joined = ask(night, prompt="Now, please.")
    assert joined.pk == row.pk
    assert (joined.reason, joined.prompt, joined.from_seq) == ("asked", "Now, please.", 1)


def test_asking_again__is_suppressed_and_loses_no_prompt(night: Night) -> None:
    first = ask(night, prompt="One.")
    assert ask(night).pk == first.pk
    with pytest.raises(Conflict):
        ask(night, prompt="Another.")
    assert len(night.talk.wakes(night.talk.reviewer)) == 1


def test_awake_and_nothing_to_do__is_let_be(night: Night) -> None:
    night.beat()
    row = ask(night)
    assert (row.state, row.status, row.result) == ("done", "delivered", "already_active")
    assert ask(night, prompt="But this.").status == "queued"


def test_prompt__has_a_size_in_bytes(night: Night) -> None:
    most = numbers.PROMPT_MAX.value
    assert ask(night, prompt="x" * most).prompt
    with pytest.raises(Invalid):
        ask(night, prompt="ü" * most)


def test_force__is_the_operators_and_audited(night: Night) -> None:
    with pytest.raises(NotAllowed):
        ask(night, actor=night.talk.by("coordinator"), force=True)
    assert ask(night, force=True).forced
    assert AuditEvent.objects.filter(action="thread.force", outcome="done").count() == 1


@pytest.mark.parametrize("who", ["executioner", "reviewer"])
def test_workers__wake_nobody(night: Night, who: str) -> None:
    with pytest.raises(NotAllowed):
        ask(night, actor=night.talk.by(who))
    assert ask(night, actor=night.talk.by("coordinator")).asked_by


def test_strangers__wake_nobody(night: Night) -> None:
    stranger = make.actor(make.person(make.workspace(), "operations_command"))
    with pytest.raises(NotAllowed):
        ask(night, actor=stranger)
    outsider = night.talk.agent("reviewer", name="Outsider")
    with pytest.raises(Invalid):
        ask_wake(night.talk.thread, outsider, actor=night.talk.operator, reason="Why not.")
    with pytest.raises(NotFound):
        row = ask(night)
        elsewhere = Night()
        acknowledge_wake(row.uid, actor=elsewhere.talk.by("reviewer"))
    with pytest.raises(NotAllowed):
        acknowledge_wake(row.uid, actor=night.talk.by("executioner"))


def test_closed_thread__wakes_nobody(night: Night) -> None:
    services.update_status(
        night.talk.thread, "closed", actor=night.talk.operator, reason="human_override: done"
    )
    with pytest.raises(Conflict):
        ask(night)


@pytest.mark.django_db(transaction=True)
def test_asking_at_once__is_one_wake() -> None:
    night = Night()
    thread, actor = night.talk.thread, night.talk.operator
    agent = night.talk.reviewer
    found = race(4, lambda n: ask_wake(thread, agent, actor=actor, reason="Race.", request_key="k"))
    assert len({row.pk for row in found}) == 1, found
