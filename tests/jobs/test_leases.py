"""The claim, the fence and the count, on the timers' table."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from controlplane.jobs import leases
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from tests.kit.racing import race

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


def due(key: str = "k", **fields: Any) -> Timer:
    moment = clock.now() - timedelta(seconds=5)
    return Timer.objects.create(kind="t", key=key, due_at=moment, ready_at=moment, **fields)


def claim(limit: int = 20) -> list[Timer]:
    return leases.claim(Timer.objects.all(), limit=limit, lease_seconds=30)


def expire(*rows: Timer) -> None:
    """As if the worker had vanished and the lease run out."""
    pks = [row.pk for row in rows]
    Timer.objects.filter(pk__in=pks).update(ready_at=Now() - timedelta(seconds=1))


def test_claim__due_rows__oldest_first_each_once() -> None:
    late = due("late")
    Timer.objects.filter(pk=late.pk).update(ready_at=Now() - timedelta(hours=1))
    due("fresh")
    Timer.objects.create(
        kind="t", key="later", due_at=clock.now(), ready_at=clock.now() + timedelta(hours=1)
    )
    assert [row.key for row in claim()] == ["late", "fresh"]
    assert claim() == []


def test_claim__nothing_due__costs_a_look_alone() -> None:
    Timer.objects.create(
        kind="t", key="later", due_at=clock.now(), ready_at=clock.now() + timedelta(hours=1)
    )
    done = due("done")
    (row,) = claim()
    leases.finish(row)
    with CaptureQueriesContext(connection) as asked:
        assert claim() == []
    assert not asked.captured_queries  # the look is no statement of Django's
    due("now")
    with CaptureQueriesContext(connection) as asked:
        assert [row.key for row in claim()] == ["now"]
    assert asked.captured_queries
    done.refresh_from_db()
    assert done.state == leases.DONE


def test_claim__counts_the_attempt_before_any_work() -> None:
    due()
    (row,) = claim()
    assert row.attempts == 1
    row.refresh_from_db()
    assert (row.state, row.attempts) == (leases.LEASED, 1)


def test_finish__twice__second_finds_the_lease_gone() -> None:
    due()
    (row,) = claim()
    leases.finish(row)
    with pytest.raises(leases.LeaseLost):
        leases.finish(row)


def test_finish__after_the_lease_passed_on__rolls_the_effect_back() -> None:
    due()
    (slow,) = claim()
    expire(slow)
    (heir,) = claim()
    with pytest.raises(leases.LeaseLost), transaction.atomic():
        due("effect")
        leases.finish(slow)
    assert not Timer.objects.filter(key="effect").exists()
    leases.finish(heir)


def test_fail__waits_longer_each_time__then_dead() -> None:
    due(max_attempts=3)
    waits = []
    for _ in range(2):
        (row,) = claim()
        assert not leases.fail(row, ValueError("no"))
        wait = Timer.objects.values_list(F("ready_at") - Now(), flat=True).get()
        waits.append(wait.total_seconds())
        expire(row)
    assert 0.9 < waits[0] <= 2.0 < waits[1] + 0.1 <= 4.1
    (row,) = claim()
    assert leases.fail(row, ValueError("no"))
    row.refresh_from_db()
    assert (row.state, row.last_error) == (leases.DEAD, "ValueError: no")
    assert claim() == []


def test_fail__text_of_the_error_is_redacted() -> None:
    due()
    (row,) = claim()
    leases.fail(row, "Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789")
    row.refresh_from_db()
    assert "abcdefghijklmnop" not in row.last_error


def test_fail__lease_lost__leaves_the_new_holder_alone() -> None:
    due()
    (slow,) = claim()
    expire(slow)
    (heir,) = claim()
    leases.fail(slow, "late news")
    heir.refresh_from_db()
    assert heir.state == leases.LEASED
    leases.finish(heir)


def test_vanished_worker__row_is_handed_out_alone_and_buried_at_last() -> None:
    poison, *innocent = [due(f"k{n}", max_attempts=2) for n in range(4)]
    assert len(claim()) == 4
    expire(poison, *innocent)
    first = claim()
    assert [row.key for row in first] == ["k0"], "a suspect takes nobody down with it"
    for row in innocent:
        (alone,) = claim()
        assert alone.pk == row.pk
        leases.finish(alone)
    expire(poison)
    assert claim() == []
    poison.refresh_from_db()
    assert poison.state == leases.DEAD
    assert "vanished" in poison.last_error


def test_release__gives_the_attempt_back() -> None:
    due()
    (row,) = claim()
    assert leases.release(row)
    row.refresh_from_db()
    assert (row.state, row.attempts) == (leases.WAITING, 0)
    assert len(claim()) == 1


def test_revive__dead_row__waits_with_all_attempts() -> None:
    due(max_attempts=1)
    (row,) = claim()
    leases.kill(row, "refused for good")
    assert leases.revive(row)
    (again,) = claim()
    assert again.attempts == 1
    assert not leases.revive(again)


def test_backlog__counts_due_and_dead_and_measures_the_oldest() -> None:
    due("a")
    due("b", state=leases.DEAD)
    Timer.objects.create(
        kind="t", key="c", due_at=clock.now(), ready_at=clock.now() + timedelta(days=1)
    )
    behind = leases.backlog(Timer)
    assert (behind["due"], behind["dead"]) == (1, 1)
    assert 4 < behind["lag_s"] < 30


def test_claim__asks_the_partial_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Timer.objects.filter(state__in=leases.OPEN, ready_at__lte=Now()).order_by(
        "ready_at", "pk"
    )
    assert "timer_ready" in plan.explain()


@pytest.mark.django_db(transaction=True)
def test_claim__many_claimers_at_once__each_row_once() -> None:
    for number in range(60):
        due(f"k{number}")

    def take(_: int) -> list[str]:
        mine: list[str] = []
        while rows := claim(limit=7):
            for row in rows:
                with transaction.atomic():
                    leases.finish(row)
                mine.append(row.key)
        return mine

    taken = Counter(key for mine in race(4, take) for key in mine)
    # A claimer that finds every due row locked by others stops early; nothing is taken twice.
    assert set(taken.values()) == {1}
    for row in claim(limit=60):
        taken[row.key] += 1
    assert len(taken) == 60


class Workers(RuleBasedStateMachine):
    """Two workers, any order of claiming, finishing, failing, dying and being cancelled."""

    @initialize(rows=st.integers(1, 4), attempts=st.integers(1, 3))
    def rows(self, rows: int, attempts: int) -> None:
        Timer.objects.all().delete()
        self.effects: Counter[str] = Counter()
        self.hands: dict[int, list[Timer]] = {0: [], 1: []}
        for number in range(rows):
            due(f"k{number}", max_attempts=attempts)

    @rule(worker=st.integers(0, 1), limit=st.integers(1, 3))
    def claim(self, worker: int, limit: int) -> None:
        self.hands[worker].extend(claim(limit))

    @precondition(lambda self: any(self.hands.values()))
    @rule(worker=st.integers(0, 1))
    def finish(self, worker: int) -> None:
        if self.hands[worker]:
            row = self.hands[worker].pop()
            try:
                with transaction.atomic():
                    leases.finish(row)
                self.effects[row.key] += 1
            except leases.LeaseLost:
                pass

    @precondition(lambda self: any(self.hands.values()))
    @rule(worker=st.integers(0, 1), how=st.sampled_from(["fail", "release", "vanish"]))
    def give_up(self, worker: int, how: str) -> None:
        if self.hands[worker]:
            row = self.hands[worker].pop()
            if how == "fail":
                leases.fail(row, "no")
            elif how == "release":
                leases.release(row)

    @rule()
    def time_passes(self) -> None:
        Timer.objects.filter(state__in=leases.OPEN).update(ready_at=Now() - timedelta(seconds=1))

    @invariant()
    def nothing_lost_nothing_doubled(self) -> None:
        for row in Timer.objects.all():
            assert self.effects[row.key] == (1 if row.state == leases.DONE else 0)
            assert row.attempts <= row.max_attempts
            assert (row.lease_token is not None) == (row.state == leases.LEASED)


def test_any_interleaving__effect_exactly_once_while_done() -> None:
    run_state_machine_as_test(Workers, settings=settings(max_examples=12, stateful_step_count=15))
