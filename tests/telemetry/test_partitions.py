"""Days are opened before they are needed and closed without anybody waiting for it."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from django.core.files.storage import default_storage
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker

from controlplane.lib import clock
from telemetry import partitions, rollups, trimming
from telemetry.ingest import report
from telemetry.models import Dirty, Event, Partition, RollupDay
from telemetry.partitions import closing, jobs, opening, tables
from tests import make
from tests.kit.days import days_ago, forget_days, midnight, opened, put, somebody_else
from tests.kit.racing import race
from tests.kit.roles import as_the_portal
from tests.kit.telemetry import event, tell

OLD = 200
State = Partition.State


@pytest.fixture(autouse=True)
def today(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One day all through a test, with the tables that the job had opened by its noon: the
    database may have been made yesterday."""
    noon = clock.now().replace(hour=12, minute=0)
    with time_machine.travel(noon), django_db_blocker.unblock():
        opening.ensure()
        yield


@pytest.fixture
def old_day() -> Iterator[date]:
    """A day far beyond the retention, with a table."""
    day = days_ago(OLD)
    assert opened(day)
    yield day
    forget_days(days_ago(OLD - 20))
    assert opening.days_ahead() >= 8


def row(day: date) -> Partition:
    found: Partition = Partition.objects.get(day=day)
    return found


def execute(*commands: str) -> None:
    with connection.cursor() as cursor:
        for command in commands:
            cursor.execute(command)


# --- Opening ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_days__open_a_week_ahead_and_five_back() -> None:
    assert partitions.days_ahead() >= 7
    assert partitions.oldest_open() <= midnight(days_ago(35))
    assert opening.ensure() == []


@pytest.mark.django_db
def test_weeks_off__ingest_opens_what_is_missing() -> None:
    for day in sorted(tables.attached())[10:]:
        execute(f"DROP TABLE {tables.name_of(day)}")
        Partition.objects.filter(day=day).delete()
    assert partitions.days_ahead() == 0
    lost = clock.now() - timedelta(days=7)
    receipt = tell(make.workspace(), [event(), event(at=lost)])
    assert (receipt.accepted, receipt.rejected) == (2, 0)
    assert partitions.days_ahead() == 8
    assert set(tables.attached()) == set(Partition.objects.values_list("day", flat=True))


@pytest.mark.django_db
def test_table_of_today__dropped_by_hand__made_again() -> None:
    workspace = make.workspace()
    tell(workspace, [event()])
    rollups.settle()
    execute(f"DROP TABLE {tables.name_of(days_ago(0))}")
    assert tell(workspace, [event()]).accepted == 1
    assert row(days_ago(0)).state == State.OPEN


@pytest.mark.django_db
def test_table_of_a_past_day__dropped_by_hand__its_sums_stay() -> None:
    workspace = make.workspace()
    at = midnight(days_ago(3)) + timedelta(hours=5)
    tell(workspace, [event(at=at), event(at=at)])
    rollups.settle()
    execute(f"DROP TABLE {tables.name_of(at.date())}")
    receipt = tell(workspace, [event(at=at), event()])
    assert [(each.index, each.code) for each in receipt.verdicts] == [(0, "TOO_OLD")]
    opening.ensure()
    assert row(at.date()).state == State.DROPPED
    Dirty.objects.create(workspace=workspace, bucket=at.replace(minute=0))
    rollups.settle()
    assert RollupDay.objects.get(bucket=midnight(at.date())).total == 2


@pytest.mark.django_db
def test_table_of_a_past_day__dropped_before_use__made_again() -> None:
    day = days_ago(4)
    execute(f"DROP TABLE {tables.name_of(day)}")
    assert opening.ensure() == [day]


@pytest.mark.django_db
def test_table_detached_by_hand__attached_again_with_its_events() -> None:
    tell(make.workspace(), [event(at=midnight(days_ago(0)))])
    name = tables.name_of(days_ago(0))
    execute(
        "SET CONSTRAINTS ALL IMMEDIATE", f"ALTER TABLE telemetry_events DETACH PARTITION {name}"
    )
    assert not Event.objects.exists()
    assert opening.ensure() == [days_ago(0)]
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_portals_own_role__may_open_days_but_owns_no_table() -> None:
    day = max(tables.attached()) + timedelta(days=1)
    with as_the_portal():
        assert opened(day)
        assert not opened(day)
        with pytest.raises(Exception, match="must be owner"), transaction.atomic():
            execute(f"DROP TABLE {tables.name_of(day)}")
        with pytest.raises(Exception, match="no day of telemetry"), transaction.atomic():
            opened(day + timedelta(days=500))


@pytest.mark.django_db
def test_few_days_ahead__the_watch_says_so() -> None:
    assert list(jobs.few_days_ahead()) == []
    day = days_ago(-2)
    execute(f"DROP TABLE {tables.name_of(day)}")
    assert [found.subject for found in jobs.few_days_ahead()] == ["partitions"]
    assert jobs.opened_and_closed()["opened"] == 1
    assert list(jobs.few_days_ahead()) == []


@pytest.mark.django_db(transaction=True)
def test_opened_at_once__by_one() -> None:
    day = days_ago(OLD)
    try:
        assert sorted(race(4, lambda n: opened(day))) == [False, False, False, True]
    finally:
        forget_days(days_ago(OLD - 20))


# --- Closing ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_old_day__settled_before_it_goes(old_day: date) -> None:
    workspace = make.workspace()
    at = midnight(old_day)
    put(workspace, [at + timedelta(minutes=7 * n) for n in range(150)], count=2)
    cutoff = trimming.events_cutoff()
    assert trimming.count_days(cutoff) == 150
    assert trimming.drop_days(cutoff, 1_000) == 0
    assert partitions.close_old(cutoff) == [old_day]
    assert not Dirty.objects.filter(bucket__lt=midnight(days_ago(OLD - 2))).exists()
    found = row(old_day)
    assert (found.state, found.rows) == (State.DETACHED, 150)
    assert found.bytes > 0
    assert found.sealed_at is not None
    assert RollupDay.objects.get(bucket=at).total == 300
    assert trimming.count_days(cutoff) == 150
    assert trimming.drop_days(cutoff, 1_000) == 150
    assert row(old_day).state == State.DROPPED
    assert not tables.exists(old_day)
    assert partitions.close_old(cutoff) == []
    Dirty.objects.create(workspace=workspace, bucket=at)
    rollups.settle()
    assert RollupDay.objects.get(bucket=at).total == 300


@pytest.mark.django_db(transaction=True)
def test_sealed_day__refused_by_those_who_remember_it_open() -> None:
    day = min(tables.open_days()) - timedelta(days=1)
    opened(day)
    try:
        workspace = make.workspace()
        at = midnight(day) + timedelta(hours=3)
        assert tell(workspace, [event(at=at)]).accepted == 1
        closing.seal(day)
        again = {"event": "intent_submitted", "event_id": "x", "occurred_at": at}
        receipt = report(make.JOB, workspace, [again, {"event": "intent_submitted"}])
        assert receipt.accepted == 1
        assert [each.code for each in receipt.verdicts] == ["TOO_OLD"]
        closing.settle(day)
        assert RollupDay.objects.get(bucket=midnight(day)).total == 1
    finally:
        forget_days(day + timedelta(days=1))


@pytest.mark.django_db(transaction=True)
def test_writer_at_work__waited_for_and_counted(old_day: date) -> None:
    workspace = make.workspace()
    moments = [midnight(old_day) + timedelta(hours=1)]

    def act(number: int) -> Any:
        if number == 1:
            return closing.close_old(trimming.events_cutoff())
        try:
            with transaction.atomic():
                put(workspace, moments)
        except psycopg.errors.CheckViolation:
            return "refused"
        return "stored"

    stored, closed = race(2, act)
    assert closed == [old_day]
    assert row(old_day).rows == (1 if stored == "stored" else 0)
    total = sum(RollupDay.objects.values_list("total", flat=True))
    assert total == row(old_day).rows


@pytest.mark.django_db(transaction=True)
def test_closing__nobody_who_writes_waits(old_day: date) -> None:
    """Each writer gives up after a fifth of a second; none does."""
    workspace = make.workspace()
    put(workspace, [midnight(old_day) + timedelta(minutes=n) for n in range(300)])

    def act(number: int) -> Any:
        if number == 0:
            return closing.close_old(trimming.events_cutoff())
        execute("SET lock_timeout = '200ms'")
        try:
            return sum(tell(workspace, [event(), event()]).accepted for _ in range(40))
        finally:
            execute("RESET lock_timeout")

    assert race(3, act) == [[old_day], 80, 80]
    assert row(old_day).state == State.DETACHED


@pytest.mark.django_db(transaction=True)
def test_interrupted_detaching__finished_by_the_next_run(old_day: date) -> None:
    put(None, [midnight(old_day)])
    closing.seal(old_day)
    closing.settle(old_day)
    name = tables.name_of(old_day)
    # Somebody who reads everything holds on to it, so that it stops half way.
    with somebody_else("SELECT count(*) FROM telemetry_events"):
        execute("SET lock_timeout = '200ms'")
        with pytest.raises(Exception, match="lock timeout"):
            execute(f"ALTER TABLE telemetry_events DETACH PARTITION {name} CONCURRENTLY")
        execute("RESET lock_timeout")
    assert tables.attached()[old_day].pending
    assert partitions.close_old(trimming.events_cutoff()) == [old_day]
    assert row(old_day).state == State.DETACHED
    assert trimming.drop_days(trimming.events_cutoff(), 10) == 1


@pytest.mark.django_db(transaction=True)
def test_busy_table__left_for_another_time(old_day: date, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "TRIES", 1)
    with somebody_else(f"LOCK TABLE {tables.name_of(old_day)} IN SHARE UPDATE EXCLUSIVE MODE"):
        assert partitions.close_old(trimming.events_cutoff()) == []
    assert row(old_day).state == State.OPEN
    assert partitions.close_old(trimming.events_cutoff()) == [old_day]


@pytest.mark.django_db(transaction=True)
def test_another_closes_already__nothing_is_done(old_day: date) -> None:
    with somebody_else(f"SELECT pg_advisory_lock({closing.LOCK})"):
        assert partitions.close_old(trimming.events_cutoff()) == []
    assert row(old_day).state == State.OPEN


@pytest.mark.django_db(transaction=True)
def test_archive__where_it_is_wished__holds_every_event(
    old_day: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = put(None, [midnight(old_day) + timedelta(minutes=n) for n in range(30)], message="ü")
    cutoff = trimming.events_cutoff()
    partitions.close_old(cutoff)
    assert row(old_day).archive == ""
    monkeypatch.setenv("CONTROLPLANE_TELEMETRY_ARCHIVE", "yes")
    assert trimming.drop_days(cutoff, 1_000) == 0, "nothing goes before its file is there"
    partitions.close_old(cutoff)
    found = row(old_day)
    with default_storage.open(found.archive) as file:
        body = file.read()
    default_storage.delete(found.archive)
    assert hashlib.sha256(body).hexdigest() == found.archive_sha256
    events = [json.loads(line) for line in gzip.decompress(body).splitlines()]
    assert len({each["id"] for each in events}) == len(rows) == 30
    assert events[0]["message"] == "ü"
    assert trimming.drop_days(cutoff, 1_000) == 30
