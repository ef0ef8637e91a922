from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from controlplane.jobs import engine
from controlplane.jobs.models import EngineCycle
from controlplane.lib import context
from tests.kit.racing import race

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MODULES", {})


def noting(heard: list[str], name: str) -> engine.Work:
    def work(_: float) -> int:
        heard.append(name)
        return 1

    return work


def test_tick__runs_modules_in_order_and_counts() -> None:
    order: list[str] = []
    engine.module("late", noting(order, "late"), order=90)
    engine.module("early", noting(order, "early"), order=10)
    assert engine.tick(instance="here") == {"early": 1, "late": 1}
    assert order == ["early", "late"]
    cycle = EngineCycle.objects.get(module="late")
    assert (cycle.done, cycle.failures, cycle.instance) == (1, 0, "here")
    assert cycle.ok_at is not None


def test_failing_module__pauses_alone_longer_each_time() -> None:
    def fail(_: float) -> int:
        raise ValueError("no")

    engine.module("bad", fail, order=1)
    engine.module("good", lambda _: 1, order=2)
    assert engine.tick() == {"bad": 0, "good": 1}
    assert engine.tick() == {"good": 1}, "the bad one pauses"
    for failures in (1, 2):
        cycle = EngineCycle.objects.annotate(now=Now()).get(module="bad")
        assert (cycle.failures, cycle.last_error) == (failures, "ValueError: no")
        assert cycle.not_before - cycle.now <= timedelta(seconds=2 ** (failures - 1))
        EngineCycle.objects.filter(module="bad").update(not_before=Now())
        engine.tick()


def test_incomplete_module__is_told_of_and_keeps_its_rhythm() -> None:
    def partly(_: float) -> int:
        raise engine.Incomplete("1 of 3")

    engine.module("partly", partly, every=timedelta(seconds=10))
    for failures in range(1, 8):
        EngineCycle.objects.filter(module="partly").update(not_before=Now())
        engine.tick()
        cycle = EngineCycle.objects.annotate(now=Now()).get(module="partly")
        assert (cycle.failures, cycle.last_error) == (failures, "Incomplete: 1 of 3")
        assert timedelta(seconds=8) < cycle.not_before - cycle.now <= timedelta(seconds=10)


def test_module_that_breaks_its_connection__does_not_stop_the_others() -> None:
    def broken(_: float) -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT nonsense")
        return 0

    engine.module("bad", broken, order=1)
    engine.module("good", lambda _: 1, order=2)
    assert engine.tick()["good"] == 1


def test_recovered_module__forgets_its_failures() -> None:
    healthy: list[int] = []

    def moody(_: float) -> int:
        if not healthy:
            raise ValueError
        return 0

    engine.module("moody", moody)
    engine.tick()
    healthy.append(1)
    EngineCycle.objects.update(not_before=Now())
    engine.tick()
    cycle = EngineCycle.objects.get()
    assert (cycle.failures, cycle.last_error) == (0, "")


@pytest.mark.django_db(transaction=True)
def test_module_with_a_rhythm__one_process_a_turn() -> None:
    ran: list[str] = []
    engine.module("slow", noting(ran, "slow"), every=timedelta(hours=1))
    race(4, lambda _: engine.tick())
    assert ran == ["slow"]


def test_idle_module__says_so_once_a_second_at_most() -> None:
    engine.module("idle", lambda _: 0)
    engine.tick()
    first = EngineCycle.objects.get().ok_at
    engine.tick()
    assert EngineCycle.objects.get().ok_at == first


def test_tick__gives_modules_the_deadline_and_a_context() -> None:
    seen: list[tuple[float, str]] = []

    def look(deadline: float) -> int:
        seen.append((deadline - time.monotonic(), context.current().source))
        return 0

    engine.module("look", look)
    engine.tick(budget=3)
    assert 2 < seen[0][0] <= 3
    assert seen[0][1] == "job"


def test_module__same_name_twice__refused() -> None:
    engine.module("x", lambda _: 0)
    with pytest.raises(ValueError, match="twice"):
        engine.module("x", lambda _: 1)
