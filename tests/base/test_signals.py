"""News between apps: written with the change, taken in once, kept until somebody listens."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from controlplane.audit.models import AuditEvent
from controlplane.base import signals
from controlplane.base.models import PARKED, Signal
from controlplane.base.retention import clean
from controlplane.jobs import engine, leases
from controlplane.lib import actors, clock
from controlplane.lib.errors import Conflict, NotAllowed
from tests import make
from tests.kit.racing import race

pytestmark = pytest.mark.servers

KIND = "tests.news"


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A consumer that writes into the database too, so that its effect can be rolled back."""
    keys: list[str] = []

    def listen(signal: Signal) -> None:
        keys.append(signal.key)
        if signal.payload.get("fail"):
            raise ValueError("not now")
        signals.emit("tests.echo", key=f"{signal.key}:{len(keys)}")

    monkeypatch.setattr(signals, "CONSUMERS", {KIND: listen})
    return keys


@pytest.fixture(autouse=True)
def looks_for_parked_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "_unparked_at", float("-inf"))


def drain() -> int:
    return signals.work(time.monotonic() + 10)


def test_emit__in_a_rolled_back_change__tells_nothing(db: None, heard: list[str]) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        signals.emit(KIND, key="a")
        raise RuntimeError
    assert drain() == 0
    assert heard == []


def test_emit__same_key_again__told_once(db: None, heard: list[str]) -> None:
    assert signals.emit(KIND, key="a", payload={"n": 1})
    assert not signals.emit(KIND, key="a", payload={"n": 2})
    assert Signal.objects.get(kind=KIND).payload == {"n": 1}
    assert drain() == 1
    assert not signals.emit(KIND, key="a")
    assert drain() == 0
    assert heard == ["a"]


def test_work__effect_and_done_stand_together(db: None, heard: list[str]) -> None:
    signals.emit(KIND, key="a")
    drain()
    assert Signal.objects.get(kind=KIND).state == leases.DONE
    assert Signal.objects.filter(kind="tests.echo").count() == 1


def test_work__consumer_fails__waits_and_dies_visibly(db: None, heard: list[str]) -> None:
    signals.emit(KIND, key="a", payload={"fail": True})
    drain()
    row = Signal.objects.get(kind=KIND)
    assert (row.state, row.attempts) == (leases.WAITING, 1)
    assert "not now" in row.last_error
    assert row.ready_at > row.created_at
    for _ in range(signals.ATTEMPTS.value - 1):
        Signal.objects.update(ready_at=Now())
        drain()
    row.refresh_from_db()
    assert row.state == leases.DEAD
    assert len(heard) == signals.ATTEMPTS.value
    assert not Signal.objects.filter(kind="tests.echo").exists()


def test_work__one_bad_row__the_others_pass(db: None, heard: list[str]) -> None:
    signals.emit(KIND, key="bad", payload={"fail": True})
    signals.emit(KIND, key="good")
    assert drain() == 1
    assert Signal.objects.get(key="good").state == leases.DONE


def test_emit__nobody_consumes_yet__parked_then_consumed_when_somebody_does(
    db: None, heard: list[str]
) -> None:
    signals.emit("tests.later", key="a")
    assert leases.backlog(Signal)["due"] == 0
    assert drain() == 0
    signals.CONSUMERS["tests.later"] = signals.CONSUMERS[KIND]
    signals._unparked_at = float("-inf")
    assert drain() == 1
    assert heard == ["a"]


def test_parked__many_of_kinds_that_nobody_hears__are_not_looked_through(db: None) -> None:
    """Every process asks every two seconds."""
    Signal.objects.bulk_create(
        Signal(kind="tests.unheard", key=str(number), ready_at=PARKED) for number in range(3_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE base_signal")
    with CaptureQueriesContext(connection) as asked:
        signals._unpark()
    (update,) = (each["sql"] for each in asked if each["sql"].startswith("UPDATE"))
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {update}")
        plan = cursor.fetchone()[0][0]["Plan"]
    assert "signal_parked" in str(plan)
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 10


def test_parked__nobody_heard_them_for_a_month__cleaned_up(db: None) -> None:
    long_ago = clock.now() - timedelta(days=40)
    for key, created in (("old", long_ago), ("new", clock.now())):
        Signal.objects.create(kind="tests.unheard", key=key, ready_at=PARKED, created_at=created)
    Signal.objects.create(kind=KIND, key="done", state=leases.DONE, finished_at=long_ago)
    Signal.objects.create(kind=KIND, key="dead", state=leases.DEAD, finished_at=long_ago)
    Signal.objects.create(kind=KIND, key="late", created_at=long_ago)
    (run,) = clean(actor=actors.job("cleanup"), only="base.signals")
    assert run.rows == 2
    assert set(Signal.objects.values_list("key", flat=True)) == {"new", "dead", "late"}


def test_consumes__two_consumers_of_a_kind__refused() -> None:
    with pytest.raises(ValueError, match="two consumers"):
        signals.consumes(KIND)(lambda signal: None)


def test_engine__runs_signals_every_tick(db: None, heard: list[str]) -> None:
    assert not engine.MODULES["signals"].every
    signals.emit(KIND, key="a")
    assert engine.tick()["signals"] == 1


def test_work__many_workers__each_signal_once(transactional_db: None, heard: list[str]) -> None:
    for number in range(30):
        signals.emit(KIND, key=str(number))
    counts = race(4, lambda n: drain())
    assert sum(counts) == 30
    assert sorted(heard, key=int) == [str(number) for number in range(30)]
    assert Signal.objects.filter(kind="tests.echo").count() == 30


def test_consume__lease_ran_out_meanwhile__effect_rolls_back(db: None, heard: list[str]) -> None:
    """A worker that slept through its lease must not do the work a second time."""
    signals.emit(KIND, key="a")
    [row] = leases.claim(Signal.objects.all(), limit=1, lease_seconds=30)
    listen = signals.CONSUMERS[KIND]

    def slow(signal: Signal) -> None:
        listen(signal)
        Signal.objects.filter(pk=signal.pk).update(lease_token=None, state=leases.WAITING)

    signals.CONSUMERS[KIND] = slow
    assert not signals.consume(row)
    assert not Signal.objects.filter(kind="tests.echo").exists()


def test_replay__dead_signal__waits_again_with_a_record(db: None) -> None:
    here = make.workspace()
    operator = make.actor(make.person(here, "primary_operator"))
    signals.emit(KIND, key="a", workspace_id=here.pk)
    Signal.objects.update(state=leases.DEAD, attempts=8, finished_at=Now())
    row = signals.replay(Signal.objects.get(), actor=operator, reason="fixed")
    assert (row.state, row.attempts) == (leases.WAITING, 0)
    assert AuditEvent.objects.get(action="signal.replay").reason == "fixed"
    with pytest.raises(Conflict):
        signals.replay(row, actor=operator, reason="again")


def test_replay__stranger_and_viewer__refused(db: None) -> None:
    here, there = make.workspace(), make.workspace()
    signals.emit(KIND, key="a", workspace_id=here.pk)
    Signal.objects.update(state=leases.DEAD)
    for user in (make.person(there, "primary_operator"), make.person(here, "viewer")):
        with pytest.raises(NotAllowed):
            signals.replay(Signal.objects.get(), actor=make.actor(user), reason="mine")


def test_visible_to__other_workspace__not_seen(db: None) -> None:
    here, there = make.workspace(), make.workspace()
    signals.emit(KIND, key="here", workspace_id=here.pk)
    stranger = make.actor(make.person(there, "primary_operator"))
    assert not Signal.objects.all().visible_to(stranger).exists()
