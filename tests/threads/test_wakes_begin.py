"""Whoever sleeps is to be woken by the message itself: once, and not who is awake."""

from __future__ import annotations

import pytest

from missions.threads import numbers, services
from missions.threads.models import AgentPulse, Participant, Thread, WakeTrigger
from tests.kit import settled
from tests.kit.threads import Talk

pytestmark = pytest.mark.django_db


@settled.once
def talk() -> Talk:
    return Talk()


def test_message__wakes_who_sleeps(talk: Talk) -> None:
    posted = talk.post("executioner")
    rows = talk.wakes()
    assert {row.agent_id for row in rows} == {talk.reviewer.pk, talk.coordinator.pk}
    assert posted.woken == 2
    assert all((row.from_seq, row.to_seq, row.status) == (1, 1, "queued") for row in rows)
    assert all(row.message_at == posted.created_at for row in rows)


def test_message__widens_a_wake_that_is_open(talk: Talk) -> None:
    for _ in range(3):
        talk.post("executioner")
    (row,) = talk.wakes(talk.reviewer)
    assert (row.from_seq, row.to_seq) == (1, 3)


def test_message__wakes_only_who_is_meant(talk: Talk) -> None:
    talk.post("executioner", to={"role": "reviewer"})
    assert [row.agent_id for row in talk.wakes()] == [talk.reviewer.pk]
    talk.post("executioner", to={"agents": [str(talk.coordinator.uid)]})
    assert len(talk.wakes()) == 2


def test_message__widens_what_is_open_and_wakes_the_others(talk: Talk) -> None:
    talk.post("executioner", to={"agents": [str(talk.coordinator.uid)]})
    assert talk.post("executioner").woken == 2
    found = {row.agent_id: (row.from_seq, row.to_seq) for row in talk.wakes()}
    assert found == {talk.coordinator.pk: (1, 2), talk.reviewer.pk: (2, 2)}


def test_message__lets_who_is_awake_be(talk: Talk) -> None:
    services.read_messages(talk.thread.uid, actor=talk.by("reviewer"))
    services.heartbeat("s", actor=talk.by("coordinator"), runtime="codex")
    assert talk.post("executioner").woken == 0
    talk.asleep(talk.reviewer)
    assert talk.post("executioner").woken == 1


def test_message__wakes_nobody_whose_wakes_are_paused(talk: Talk) -> None:
    Participant.objects.filter(pk=talk.part(talk.reviewer).pk).update(wakes=False)
    talk.post("executioner")
    assert not talk.wakes(talk.reviewer)
    talk.asleep(talk.executioner)
    AgentPulse.objects.filter(agent=talk.executioner).update(wakes_paused=True)
    talk.post("coordinator")
    assert not talk.wakes(talk.executioner)
    Thread.objects.filter(pk=talk.thread.pk).update(wakes_paused=True)
    before = len(talk.wakes())
    talk.asleep()
    talk.post("reviewer")
    assert len(talk.wakes()) == before


def test_ack__answers_the_wake(talk: Talk) -> None:
    talk.post("executioner")
    assert services.ack_read(talk.thread.uid, 1, actor=talk.by("reviewer")).woke == 1
    (row,) = talk.wakes(talk.reviewer)
    assert (row.status, row.state, row.acked_by, row.result) == (
        "delivered", "done", "cursor", "already_active",
    )  # fmt: skip


def test_heartbeat__answers_what_was_sent(talk: Talk) -> None:
    talk.post("executioner")
    (row,) = talk.wakes(talk.reviewer)
    services.heartbeat("s", actor=talk.by("reviewer"), runtime="codex")
    row.refresh_from_db()
    assert row.status == "queued"  # alive, but it has not been told of the thread
    WakeTrigger.objects.filter(pk=row.pk).update(status="triggering", sent_at=row.created_at)
    services.heartbeat("s", actor=talk.by("reviewer"), runtime="codex")
    row.refresh_from_db()
    assert (row.status, row.acked_by, row.result) == ("delivered", "heartbeat", "triggered")


def test_wakes__of_who_reads_nothing_come_ever_later(talk: Talk) -> None:
    waits = []
    for _ in range(4):
        talk.post("executioner", to={"role": "reviewer"})
        row = talk.wakes(talk.reviewer)[-1]
        waits.append((row.ready_at - row.created_at).total_seconds())
        WakeTrigger.objects.filter(pk=row.pk).update(state="done", status="dead")
    gap, window = numbers.AUTO_GAP_SECONDS.value, numbers.AUTO_WINDOW_SECONDS.value
    assert waits[0] <= 0
    assert gap - 2 < waits[1] <= gap
    assert gap - 2 < waits[2] <= gap
    assert window - 5 < waits[3] <= window
    # Who reads is woken at once again.
    services.ack_read(talk.thread.uid, 4, actor=talk.by("reviewer"))
    talk.asleep(talk.reviewer)
    talk.post("executioner", to={"role": "reviewer"})
    row = talk.wakes(talk.reviewer)[-1]
    assert row.ready_at <= row.created_at


def test_idle_session__wakes_for_the_next_message_at_once(talk: Talk) -> None:
    for status, woken in (("active", False), ("idle", True)):
        services.heartbeat("s-1", actor=talk.by("reviewer"), runtime="codex", status=status)
        talk.post("executioner")
        assert bool(talk.wakes(talk.reviewer)) is woken, status


def test_idle_session__beside_one_at_work__wakes_nobody(talk: Talk) -> None:
    for name, status in (("s-1", "active"), ("s-2", "idle")):
        services.heartbeat(name, actor=talk.by("reviewer"), runtime="codex", status=status)
    talk.post("executioner")
    assert not talk.wakes(talk.reviewer)


def test_session_that_ends__wakes_for_the_next_message_at_once(talk: Talk) -> None:
    for status in ("active", "offline"):
        services.heartbeat("s-1", actor=talk.by("reviewer"), runtime="codex", status=status)
    talk.post("executioner")
    assert [row.agent_id for row in talk.wakes(talk.reviewer)] == [talk.reviewer.pk]


def test_idle__what_came_behind_its_back_wakes_it(talk: Talk) -> None:
    actor = talk.by("reviewer")
    services.heartbeat("s", actor=actor, runtime="codex")
    talk.post("executioner", "Seen.", to={"role": "reviewer"})
    services.ack_read(talk.thread.uid, 1, actor=actor)
    # Said after its last look and before it lies down: it is taken for awake.
    talk.post("executioner", "Not seen.", to={"role": "reviewer"})
    assert not talk.wakes(talk.reviewer)
    services.heartbeat("s", actor=actor, runtime="codex", status="idle")
    (row,) = talk.wakes(talk.reviewer)
    assert (row.status, row.from_seq, row.to_seq) == ("queued", 2, 2)
    assert row.ready_at <= row.created_at
    services.heartbeat("s", actor=actor, runtime="codex", status="idle")
    assert len(talk.wakes(talk.reviewer)) == 1
    # Lying down is no answer to a wake; rising is.
    WakeTrigger.objects.filter(pk=row.pk).update(status="triggering", sent_at=row.created_at)
    services.heartbeat("s", actor=actor, runtime="codex", status="idle")
    row.refresh_from_db()
    assert row.status == "triggering"
    services.heartbeat("s", actor=actor, runtime="codex")
    row.refresh_from_db()
    assert row.status == "delivered"
