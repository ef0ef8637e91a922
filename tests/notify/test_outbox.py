"""The outbox: written with the change, sent by a lease, dead letters kept and replayed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.jobs import leases
from controlplane.lib.errors import Conflict, IdempotencyConflict, NotAllowed
from controlplane.notify import outbox, services
from controlplane.notify.channels import Outcome
from controlplane.notify.models import OutboxMessage
from tests import make

pytestmark = pytest.mark.django_db

TOPIC = "test.echo"


@pytest.fixture
def answers() -> Iterator[list[Outcome | Exception]]:
    """A topic of our own; each message gets the next answer, then 'accepted'."""
    queue: list[Outcome | Exception] = []

    @outbox.topic(TOPIC, given_up=lambda message: given_up.append(message.key))
    def handler(message: OutboxMessage) -> Outcome:
        handled.append(message.key)
        answer = queue.pop(0) if queue else Outcome("accepted")
        if isinstance(answer, Exception):
            raise answer
        return answer

    handled.clear()
    given_up.clear()
    yield queue
    del outbox.TOPICS[TOPIC], outbox.GIVEN_UP[TOPIC]


handled: list[str] = []
given_up: list[str] = []


@pytest.fixture
def workspace() -> Workspace:
    return make.workspace()


def put(key: str = "k1", **extra: object) -> OutboxMessage:
    return outbox.enqueue(TOPIC, {"n": 1, **extra}, key=key)


def make_due(message: OutboxMessage) -> None:
    """The back-off is over: as the database's clock sees it."""
    OutboxMessage.objects.filter(pk=message.pk).update(ready_at="2020-01-01T00:00:00Z")


def test_rolled_back_change__leaves_no_message(answers: list[Outcome]) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        put()
        raise RuntimeError("the change failed")
    assert not OutboxMessage.objects.exists()
    assert outbox.send_due() == 0


def test_same_key__is_one_message(answers: list[Outcome]) -> None:
    assert put().pk == put().pk
    outbox.send_due()
    outbox.send_due()
    assert handled == ["k1"]


def test_new_message__costs_one_statement(
    answers: list[Outcome], django_assert_num_queries: Any
) -> None:
    with transaction.atomic(), django_assert_num_queries(1):
        made = put()
    stored = OutboxMessage.objects.get()
    for field in OutboxMessage._meta.concrete_fields:
        assert getattr(made, field.attname) == getattr(stored, field.attname), field.name


def test_same_key_for_something_else__is_a_conflict(answers: list[Outcome]) -> None:
    put()
    with pytest.raises(IdempotencyConflict):
        put(other=True)


def test_retry__waits_and_comes_again_under_its_key(answers: list[Outcome]) -> None:
    message = put()
    answers.append(Outcome("retry", "HTTP 503", 503))
    outbox.send_due()
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("waiting", 1)
    assert outbox.send_due() == 0, "not before its back-off is over"
    make_due(message)
    outbox.send_due()
    message.refresh_from_db()
    assert message.state == "done"
    assert handled == ["k1", "k1"]


def test_raising_handler__is_a_try_and_spares_the_next_row(
    answers: list[Outcome | Exception],
) -> None:
    first, second = put("a"), put("b")
    answers.append(RuntimeError("boom"))
    assert outbox.send_due() == 2
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("waiting", "done")
    assert "boom" in first.last_error


def test_all_tries_used__dead_letter_and_owner_told(answers: list[Outcome]) -> None:
    message = put()
    OutboxMessage.objects.update(max_attempts=2)
    answers.extend([Outcome("retry", "down"), Outcome("retry", "still down")])
    for _ in range(2):
        outbox.send_due()
        make_due(message)
    message.refresh_from_db()
    assert (message.state, message.last_error) == ("dead", "still down")
    assert given_up == ["k1"]


def test_rejection__is_dead_at_once(answers: list[Outcome]) -> None:
    message = put()
    answers.append(Outcome("rejected", "HTTP 404", 404))
    outbox.send_due()
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("dead", 1)


def test_killed_sender__the_row_comes_back_when_its_lease_ends(answers: list[Outcome]) -> None:
    message = put()
    [held] = leases.claim(OutboxMessage.objects.all(), limit=1, lease_seconds=30)
    assert outbox.send_due() == 0, "leased to the sender that died"
    make_due(message)  # the lease has run out
    outbox.send_due()
    assert handled == ["k1"]
    with pytest.raises(leases.LeaseLost):
        leases.finish(held)


def test_killed_at_every_try__is_buried_and_owner_told(answers: list[Outcome]) -> None:
    message = put()
    OutboxMessage.objects.update(max_attempts=1)
    leases.claim(OutboxMessage.objects.all(), limit=1, lease_seconds=30)
    make_due(message)
    outbox.send_due()
    message.refresh_from_db()
    assert message.state == "dead"
    assert given_up == ["k1"]
    assert handled == []


def test_slow_neighbour__the_next_row_gets_a_whole_lease(
    answers: list[Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten slow receivers take longer than one lease; nobody may take the tenth meanwhile."""
    second: list[OutboxMessage] = []
    left: list[float] = []
    seconds = [0.0]
    monkeypatch.setattr(outbox, "time", SimpleNamespace(monotonic=lambda: seconds[0]))

    def slow(message: OutboxMessage) -> Outcome:
        if message.key == "k2":
            ready = OutboxMessage.objects.filter(pk=message.pk)
            left.append(ready.values_list(F("ready_at") - Now(), flat=True)[0].total_seconds())
        seconds[0] += 25
        OutboxMessage.objects.filter(pk=second[0].pk, state="leased").update(
            ready_at=Now() + timedelta(seconds=5)
        )
        return Outcome("accepted")

    put("k1")
    second.append(put("k2"))
    outbox.TOPICS[TOPIC] = slow
    assert outbox.send_due() == 2
    assert left[0] > 25


@pytest.mark.parametrize("tries", [1, 8])
def test_owner_that_fails__stops_neither_the_burial_nor_the_others(
    answers: list[Outcome], tries: int
) -> None:
    def broken(message: OutboxMessage) -> None:
        OutboxMessage.objects.get(key="nobody")

    outbox.GIVEN_UP[TOPIC] = broken
    poison = put("poison")
    if tries == 1:  # it killed its worker at every try
        OutboxMessage.objects.update(max_attempts=1)
        leases.claim(OutboxMessage.objects.all(), limit=1, lease_seconds=30)
        make_due(poison)
    else:
        answers.append(Outcome("rejected", "never"))
    outbox.send_due()
    put("good")
    outbox.send_due()
    poison.refresh_from_db()
    assert poison.state == "dead"
    assert handled[-1] == "good"


def test_payload_that_names_no_delivery__ends_as_a_dead_letter() -> None:
    poison = outbox.enqueue("notify.deliver", {}, key="poison")
    OutboxMessage.objects.update(max_attempts=1)
    outbox.send_due()
    poison.refresh_from_db()
    assert poison.state == "dead"


def test_replay__sends_again_and_is_audited(answers: list[Outcome], workspace: Workspace) -> None:
    actor = make.actor(make.person(workspace, "operations_command"))
    message = outbox.enqueue(TOPIC, {}, key="k", workspace_id=workspace.pk)
    answers.append(Outcome("rejected", "gone"))
    outbox.send_due()
    services.replay(message, actor=actor, reason="receiver repaired")
    outbox.send_due()
    message.refresh_from_db()
    assert message.state == "done"
    event = AuditEvent.objects.about(message).get(action="notify.replay")
    assert event.reason == "receiver repaired"


def test_replay__of_what_is_not_dead__is_a_conflict(
    answers: list[Outcome], workspace: Workspace
) -> None:
    actor = make.actor(make.person(workspace, "operations_command"))
    message = outbox.enqueue(TOPIC, {}, key="k", workspace_id=workspace.pk)
    with pytest.raises(Conflict):
        services.replay(message, actor=actor)


@pytest.mark.parametrize("role", ["viewer", "legal", "mission_owner"])
def test_replay__by_a_role_that_may_not(
    answers: list[Outcome], workspace: Workspace, role: str
) -> None:
    message = outbox.enqueue(TOPIC, {}, key="k", workspace_id=workspace.pk)
    with pytest.raises(NotAllowed):
        services.replay(message, actor=make.actor(make.person(workspace, role)))


def test_stranger__sees_nothing_and_replays_nothing(
    answers: list[Outcome], workspace: Workspace
) -> None:
    stranger = make.actor(make.person(make.workspace(), "workspace_admin"))
    message = outbox.enqueue(TOPIC, {}, key="k", workspace_id=workspace.pk)
    shared = outbox.enqueue(TOPIC, {}, key="shared")
    assert not OutboxMessage.objects.visible_to(stranger).exists()
    for row in (message, shared):
        with pytest.raises(NotAllowed):
            services.replay(row, actor=stranger)
