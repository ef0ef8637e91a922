"""Many writers at once: numbers without a gap, each said once, and nobody answered with a 500."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from controlplane.lib.errors import ControlPlaneError
from missions.threads import numbers, services
from missions.threads.models import Message, Thread
from tests.kit.threads import Talk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]


def _at_once(works: list[Any]) -> list[Any]:
    def run(work: Any) -> Any:
        try:
            return work()
        except ControlPlaneError as error:
            return error.error_code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_post__32_writers_leave_no_gap() -> None:
    talk = Talk()
    agents = [talk.agent("executor") for _ in range(32)]
    thread = talk.begin(participants=[(each, "") for each in agents], title="Crowd")
    actors = [talk.by(each) for each in agents]

    def write(number: int) -> Any:
        return lambda: [
            services.post_message(thread.uid, _draft(f"{number}-{turn}"), actor=actors[number]).seq
            for turn in range(4)
        ]

    seqs = sorted(seq for row in _at_once([write(n) for n in range(32)]) for seq in row)
    # A crowd that only talks is stopped by the guard; what it wrote until then has no gap.
    assert len(seqs) == len(set(seqs))
    rows = list(Message.objects.filter(thread=thread).order_by("seq").values_list("seq", flat=True))
    assert rows == list(range(1, len(rows) + 1))
    assert Thread.objects.get(pk=thread.pk).last_seq == len(rows)


def _draft(body: str, **given: Any) -> Any:
    from missions.threads.drafts import read

    return read({"body": body, "kind": "event", "event_type": "fix_pushed", **given})


def test_post__the_same_key_at_once_is_said_once() -> None:
    talk = Talk()
    actor, uid = talk.by("executioner"), talk.thread.uid
    draft = _draft("Once.", idempotency_key="k")
    posted = _at_once([lambda: services.post_message(uid, draft, actor=actor)] * 8)
    assert {each.seq for each in posted} == {1}
    assert len({each.message_id for each in posted}) == 1
    assert sum(not each.replayed for each in posted) == 1
    assert Message.objects.filter(thread=talk.thread).count() == 1


def test_status__of_two_moves_one_wins_and_a_closed_thread_takes_nothing_after() -> None:
    talk = Talk()
    uid, thread, operator = talk.thread.uid, talk.thread, talk.operator

    def closing() -> str:
        why = "human_override: enough"
        return services.update_status(thread, "closed", actor=operator, reason=why).status

    writer = talk.by("executioner")
    results = _at_once(
        [closing, *[lambda: services.post_message(uid, _draft("x"), actor=writer).seq] * 7]
    )
    assert results[0] == "closed"
    taken = [each for each in results[1:] if isinstance(each, int)]
    assert set(results[1:]) - set(taken) <= {"CONFLICT"}
    rows = list(Message.objects.filter(thread=thread).order_by("seq").values_list("seq", flat=True))
    assert rows == list(range(1, len(taken) + 2))


def test_wakes__of_many_posts_are_one() -> None:
    talk = Talk()
    uid, actor = talk.thread.uid, talk.by("executioner")
    _at_once([lambda: services.post_message(uid, _draft("x"), actor=actor)] * 8)
    (row,) = talk.wakes(talk.reviewer)
    assert row.to_seq == 8
    assert row.from_seq == 1


def test_pace__holds_under_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(numbers.AGENT_RATE.env_name, "0.001")
    monkeypatch.setenv(numbers.AGENT_BURST.env_name, "5")
    talk = Talk()
    uid, actor = talk.thread.uid, talk.by("executioner")
    results = _at_once([lambda: services.post_message(uid, _draft("x"), actor=actor).seq] * 12)
    assert sorted(each for each in results if isinstance(each, int)) == [1, 2, 3, 4, 5]
    assert results.count("RATE_LIMITED") == 7
