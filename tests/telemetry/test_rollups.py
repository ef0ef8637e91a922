"""What a pass takes, leaves for later and gives back when it is killed."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from controlplane.jobs import engine
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, NotAllowed
from telemetry import readings, rollups
from telemetry.erasing import erase_events
from telemetry.models import (
    Dirty,
    DirtyMission,
    Event,
    MissionDay,
    RollupDay,
)
from telemetry.rollups import jobs, marks, passes, statements
from tests import make
from tests.kit.days import days_ago, midnight
from tests.kit.rollups import CALL, ERROR, GRAINS, agree, failure, stored_missions
from tests.kit.rollups import missions as expected_missions
from tests.kit.telemetry import event, tell


def older(seconds: float) -> None:
    Dirty.objects.update(at=clock.now() - timedelta(seconds=seconds))


# --- Passes -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_settle__sums_of_every_grain() -> None:
    workspace = make.workspace()
    at = clock.now() - timedelta(hours=3)
    tell(workspace, [event(at=at, duration_ms=100.0, count=3), event(at=at, duration_ms=200.0)])
    counts = rollups.settle()
    assert (counts.minutes, counts.hours, counts.days, counts.missions) == (1, 1, 1, 1)
    assert not Dirty.objects.exists()
    for grain in GRAINS:
        row = grain.objects.get()
        assert (row.total, row.durations, row.duration_sum) == (4, 4, 500.0)
        assert row.counts == [3, 1]
    assert MissionDay.objects.get().total == 4


@pytest.mark.django_db
def test_roll__minutes_at_once_hours_and_days_when_due() -> None:
    tell(None, [event()])
    assert rollups.roll().minutes == 1
    assert list(Dirty.objects.values_list("grain", flat=True)) == ["hour"]
    assert rollups.roll().marks == 0
    older(31)
    assert rollups.roll().hours == 1
    assert list(Dirty.objects.values_list("grain", flat=True)) == ["day"]
    older(599)
    assert rollups.roll().days == 0
    older(601)
    assert rollups.roll().days == 1
    assert not Dirty.objects.exists()
    agree()


@pytest.mark.django_db
def test_pass__takes_no_more_than_it_may_and_all_marks_of_what_it_takes() -> None:
    at = midnight(days_ago(2))
    for _ in range(3):
        tell(None, [event(at=at + timedelta(minutes=n), mission_id=None) for n in range(5)])
    assert Dirty.objects.count() == 15
    counts = rollups.roll(2)
    assert (counts.minutes, counts.marks) == (2, 6)
    assert Dirty.objects.filter(grain="minute").count() == 9
    assert Dirty.objects.filter(grain="hour").count() == 1


@pytest.mark.django_db
def test_turn__what_comes_meanwhile_is_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under traffic there is always one more event of this minute."""
    at = clock.now()
    roll = passes.roll

    def and_one_more(**given: Any) -> rollups.Counts:
        counts = roll(**given)
        tell(None, [event(at=at)])
        return counts

    tell(None, [event(at=at)])
    monkeypatch.setattr(passes, "roll", and_one_more)
    rollups.work(time.monotonic() + 60)  # would not come back before
    assert Dirty.objects.filter(grain="minute").exists()
    monkeypatch.setattr(passes, "roll", roll)
    assert rollups.work(time.monotonic() + 60)
    assert not Dirty.objects.filter(grain="minute").exists()
    rollups.settle()
    agree()


@pytest.mark.django_db
def test_minute_whose_events_went__has_no_row() -> None:
    workspace = make.workspace()
    tell(workspace, [event(), event(mission_id=None)])
    rollups.settle()
    erase_events(make.JOB, workspace, reason="they left")
    rollups.settle()
    for grain in (*GRAINS, MissionDay, Event):
        assert not grain.objects.exists()


@pytest.mark.django_db
def test_pass_that_is_too_slow__does_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "_size", 60)
    tell(None, [event(at=midnight(days_ago(1)) + timedelta(minutes=n)) for n in range(40)])
    slow = statements.MINUTES.replace("FROM coarse", "FROM coarse, pg_sleep(0.04 * %(many)s)")
    monkeypatch.setattr(statements, "MINUTES", slow)
    params = passes._params

    def counted(wanted: Any, step: timedelta) -> dict[str, Any]:
        return {**params(wanted, step), "many": len(wanted)}

    monkeypatch.setattr(passes, "_params", counted)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '400ms'")
    assert rollups.roll().minutes == 3


@pytest.mark.django_db
def test_settling__on_a_slow_machine__takes_longer_and_does_no_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passes, "_size", 20)
    monkeypatch.setattr(passes, "SLOW", 0.0)  # every pass is
    monkeypatch.setattr(passes, "QUICK", 0.0)
    patience = []
    for name in ("_minutes", "_hours", "_days"):
        step = getattr(passes, name)

        def timed(cursor: Any, taken: Any, step: Any = step) -> Any:
            cursor.execute("SHOW statement_timeout")
            patience.append((step.__name__, *cursor.fetchone()))
            cursor.execute("SET LOCAL statement_timeout = '15s'")
            return step(cursor, taken)

        monkeypatch.setattr(passes, name, timed)
    tell(None, [event(at=midnight(days_ago(1)) + timedelta(minutes=n)) for n in range(40)])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '15s'")
    assert rollups.settle().minutes == 40
    assert passes._size == 20
    assert dict(patience) == dict.fromkeys(("_minutes", "_hours", "_days"), "2min")
    tell(None, [event(at=midnight(days_ago(2)))])
    rollups.roll()
    assert passes._size < 20, "the engine's passes are short ones"


@pytest.mark.django_db
def test_sums_that_no_float_holds__fail_no_pass() -> None:
    huge = {"name": "x", "value": 1.7e308}
    tell(None, [event("gauge_reported", context=huge, count=1_000_000) for _ in range(4)])
    assert rollups.settle().minutes == 1
    assert math.isfinite(RollupDay.objects.get().amount_sum)


@pytest.mark.django_db
def test_large_mission__waits_longer_than_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_TELEMETRY_MISSION_EVENTS_A_SECOND", "0.1")
    tell(None, [event() for _ in range(3)])
    assert rollups.roll().missions == 1, "a new one at once"
    tell(None, [event(), event(mission_id="MIS-2")])
    assert rollups.roll().missions == 1
    assert list(DirtyMission.objects.values_list("mission", flat=True)) == ["MIS-1"]
    assert MissionDay.objects.get(mission="MIS-1").total == 3
    DirtyMission.objects.update(at=clock.now() - timedelta(seconds=31))
    assert rollups.roll().missions == 1
    assert MissionDay.objects.get(mission="MIS-1").total == 4


@pytest.mark.django_db
def test_many_missions__counted_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_TELEMETRY_MISSION_EVENTS_A_PASS", "4")
    monkeypatch.setenv("CONTROLPLANE_TELEMETRY_MISSION_EVENTS_A_SECOND", "1e9")
    every = [event(mission_id=f"MIS-{n // 2}") for n in range(10)]
    tell(None, every)
    rollups.settle()
    tell(None, [event(mission_id=f"MIS-{n}") for n in range(5)])
    assert [rollups.roll().missions for _ in range(4)] == [2, 2, 1, 0]
    assert stored_missions() == expected_missions()


# --- One failed call, told of twice ---------------------------------------------------------------


def failures() -> int:
    names = ["composio_tool_call", "composio_tool_call_error"]
    counts = {
        grain: sum(grain.objects.filter(event_type__in=names).values_list("errors", flat=True))
        for grain in GRAINS
    }
    assert len(set(counts.values())) == 1
    return int(counts[RollupDay])


@pytest.mark.django_db
@pytest.mark.parametrize("order", [(CALL, ERROR), (ERROR, CALL)])
@pytest.mark.parametrize("apart", [0, 3, -9])
def test_failed_call__told_twice_counts_once(order: tuple[str, str], apart: int) -> None:
    workspace = make.workspace()
    at = midnight(days_ago(1)) + timedelta(hours=5)
    when = {CALL: at, ERROR: at + timedelta(minutes=apart)}
    for name in order:
        tell(workspace, [failure(name, when[name])])
        rollups.settle()
    assert failures() == 1
    assert RollupDay.objects.get(event_type=ERROR).total == 1, "limits are counted by its code"
    agree()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other",
    [
        {"correlation_id": "req-2"},
        {"correlation_id": None},
        {"apart": 11},
        {"action": "send"},
        {"workspace": True},
    ],
)
def test_failures_of_two_calls__count_twice(other: dict[str, Any]) -> None:
    workspace = make.workspace()
    at = midnight(days_ago(1)) + timedelta(hours=5)
    tell(workspace, [failure(CALL, at)])
    error = failure(ERROR, at + timedelta(minutes=other.pop("apart", 0)))
    error["context"]["action"] = other.pop("action", "create")
    home = make.workspace() if other.pop("workspace", False) else workspace
    error.update(other)
    tell(home, [{key: value for key, value in error.items() if value is not None}])
    rollups.settle()
    assert failures() == 2
    agree()


@pytest.mark.django_db
def test_failed_call_that_is_erased__its_error_counts_again() -> None:
    workspace = make.workspace()
    at = midnight(days_ago(1))
    tell(workspace, [failure(CALL, at, mission_id="MIS-7")])
    tell(workspace, [failure(ERROR, at + timedelta(minutes=5), mission_id="MIS-8")])
    rollups.settle()
    assert failures() == 1
    assert erase_events(make.JOB, workspace, mission="MIS-7", reason="asked for") == 1
    rollups.settle()
    assert failures() == 1
    assert RollupDay.objects.get().event_type == ERROR
    agree()


# --- What is told of it ---------------------------------------------------------------------------


@pytest.mark.django_db
def test_backlog__measured_and_watched() -> None:
    assert rollups.oldest_mark() == 0.0
    assert list(jobs.late_rollups()) == []
    tell(None, [event()])
    older(300)
    assert rollups.waiting() == {"minute": 1}
    assert rollups.oldest_mark() >= 300
    assert [each.subject for each in jobs.late_rollups()] == ["rollups"]
    assert (("minute",), 1.0) in list(readings.telemetry_backlog())
    assert next(iter(readings.telemetry_oldest_mark()))[1] >= 300


def test_engine__turns_the_roller() -> None:
    assert engine.MODULES["telemetry.roll"].every == timedelta(seconds=5)


@pytest.mark.django_db
def test_strangers__may_not_erase() -> None:
    workspace, other = make.workspace(), make.workspace()
    tell(workspace, [event()])
    for person in (
        make.person(workspace, "telemetry_analyst"),
        make.person(other, "workspace_admin"),
    ):
        with pytest.raises(NotAllowed):
            erase_events(make.actor(person), workspace, reason="mine")
    admin = make.actor(make.person(workspace, "workspace_admin"))
    with pytest.raises(NotAllowed):
        erase_events(admin, None, reason="the installation's")
    with pytest.raises(Invalid):
        erase_events(admin, workspace, reason=" ")
    assert erase_events(admin, workspace, reason="a trial has ended") == 1


@pytest.mark.django_db
def test_many_marks__statistics_that_say_there_are_none__taken_in_time() -> None:
    """The table is drained all day, and autovacuum may look at it just then."""
    first = datetime(2026, 1, 5, tzinfo=UTC)
    add = (
        "INSERT INTO telemetry_dirty (workspace_id, grain, bucket, at)"
        " SELECT 1, 'minute', %s + (n %% 12000) * interval '1 minute', now() - interval '1 hour'"
        " FROM generate_series(1, %s) n"
    )
    with connection.cursor() as cursor:
        cursor.execute(add, [first, 5000])
        cursor.execute("DELETE FROM telemetry_dirty")
        cursor.execute("ANALYZE telemetry_dirty")
        cursor.execute(add, [first, 20000])
        cursor.execute("SET LOCAL statement_timeout = '3s'")
        taken, seen = marks.take(cursor, "minute", most=20)
        assert (len(taken), seen) == (20, 40)
        assert (1, first + timedelta(minutes=1)) in taken
        cursor.execute("SELECT count(*) FROM telemetry_dirty")
        assert cursor.fetchone() == (19960,)
