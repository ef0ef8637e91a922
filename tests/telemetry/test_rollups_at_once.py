"""Rollers and writers at once, and the histograms they keep."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from telemetry import rollups
from telemetry.erasing import erase_events
from telemetry.models import (
    Dirty,
    Event,
    RollupDay,
    RollupMinute,
)
from telemetry.rollups import histogram, marks, passes
from tests import make
from tests.kit.days import days_ago, midnight, somebody_else
from tests.kit.racing import race
from tests.kit.rollups import CALL, ERROR, GRAINS, agree, failure, stored, stored_missions
from tests.kit.telemetry import event, tell

# --- Rollers and writers at once ----------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_writers_and_rollers_at_once__nothing_lost_nothing_twice() -> None:
    workspaces = [make.workspace(), make.workspace()]
    base = midnight(days_ago(2)) + timedelta(hours=9)
    pool = [
        failure((CALL, ERROR)[n % 2], base + timedelta(minutes=n % 17), correlation_id=f"r{n % 9}")
        for n in range(120)
    ]

    def act(number: int) -> int:
        chance = random.Random(number)
        if number >= 2:
            return sum(rollups.roll(chance.randint(1, 9)).minutes for _ in range(25))
        done = 0
        for _ in range(15):
            done += tell(workspaces[number], chance.sample(pool, 12)).accepted
        if number:
            erase_events(make.JOB, workspaces[1], mission="MIS-1", reason="a race")
        return done

    results = race(4, act)
    assert all(isinstance(each, int) for each in results), results
    rollups.settle()
    assert not Event.objects.filter(workspace=workspaces[1]).exists()
    assert Event.objects.count() > 60
    agree()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", ["FORGET", "MINUTES", "mark"])
def test_pass_that_is_killed__leaves_everything_as_it_was(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(make.workspace(), [event(), event()])
    rollups.roll()
    tell(make.workspace(), [event()])
    before = (list(Dirty.objects.values()), stored(RollupMinute), stored_missions())

    class Killed(BaseException):
        pass

    def die(real: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> None:
            real(*args, **kwargs)
            raise Killed

        return run

    if step == "mark":
        monkeypatch.setattr(marks, "mark", die(marks.mark))
    else:
        monkeypatch.setattr(passes, "_anew", die(passes._anew))
    with pytest.raises(Killed):
        rollups.roll()
    monkeypatch.undo()
    assert (list(Dirty.objects.values()), stored(RollupMinute), stored_missions()) == before
    rollups.settle()
    agree()


@pytest.mark.django_db(transaction=True)
def test_another_roller_at_work__this_one_does_nothing() -> None:
    tell(None, [event()])
    with somebody_else(f"SELECT pg_advisory_xact_lock({marks.LOCK})"):
        assert rollups.roll().marks == 0
        assert rollups.work(time.monotonic() + 60) == 0
    assert rollups.roll().minutes == 1


# --- Histograms ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_quantiles__no_more_than_two_percent_off() -> None:
    chance = random.Random(7)
    at = midnight(days_ago(1))
    spans = [
        *(chance.lognormvariate(5, 1.5) for _ in range(3_000)),
        *(chance.uniform(0.02, 2) for _ in range(1_000)),
    ]
    for part in range(0, len(spans), 500):
        batch = spans[part : part + 500]
        tell(None, [event(at=at + timedelta(minutes=part // 50), duration_ms=ms) for ms in batch])
    rollups.settle()
    spans.sort()
    for grain in GRAINS:
        found = histogram.merge(grain.objects.values_list("bins", "counts"))
        assert sum(found.values()) == len(spans)
        for q in (0.01, 0.25, 0.5, 0.95, 0.99, 1.0):
            exact = spans[max(0, math.ceil(round(q * len(spans), 6)) - 1)]
            value = histogram.quantile(found, q)
            assert value is not None
            assert abs(value - exact) / exact <= 0.02


@pytest.mark.django_db
def test_bins__the_same_in_sql_and_here() -> None:
    edges = [histogram.value_of(n) for n in range(-117, 705, 13)]
    spans = [0.0, 0.001, 0.01, 1.0, 1e12, *edges]
    tell(None, [event(duration_ms=min(ms, 1e12)) for ms in spans])
    rollups.settle()
    found = histogram.merge(RollupDay.objects.values_list("bins", "counts"))
    wanted = histogram.merge([([histogram.bin_of(min(ms, 1e12))], [1]) for ms in spans])
    assert found == wanted


def test_quantile__of_nothing_is_nothing() -> None:
    assert histogram.quantile({}, 0.5) is None
    assert histogram.quantile({3: 0}, 0.5) is None
    assert histogram.quantile({0: 1}, 0.0) == histogram.value_of(0)
