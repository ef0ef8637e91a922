"""The pool hands out connections that stand, and asks the server only where it can't be seen."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

from controlplane.base.database import base, slow
from controlplane.jobs import metrics
from controlplane.lib import context

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@pytest.fixture
def other() -> Iterator[Any]:
    """A connection beside the test's own, from the pool."""
    wrapper: Any = connections.create_connection(DEFAULT_DB_ALIAS)
    if wrapper.pool is None:
        pytest.skip("there is no pool")
    yield wrapper
    wrapper.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    seen: list[Any] = []
    question: Callable[[Any], None] = ConnectionPool.check_connection

    def ask(checked: Any) -> None:
        seen.append(checked)
        question(checked)

    monkeypatch.setattr(ConnectionPool, "check_connection", staticmethod(ask))
    return seen


def _pid(wrapper: Any) -> int:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return int(pid)


def _pid_after_a_turn(wrapper: Any) -> int:
    wrapper.set_autocommit(True)
    return _pid(wrapper)


def test_connection_given_back_just_now__is_not_asked(other: Any, asked: list[Any]) -> None:
    first = _pid(other)
    other.close()
    asked.clear()
    assert _pid(other) == first
    assert asked == []


def test_connection_that_lay_idle__is_asked(
    other: Any, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _pid(other)
    other.close()
    asked.clear()
    monkeypatch.setattr(base, "FRESH_S", 0.0)
    assert _pid(other) == first
    assert len(asked) == 1


def test_connection_that_was_hung_up__is_replaced(other: Any) -> None:
    first = _pid(other)
    other.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 2000)", [first])
        assert cursor.fetchone() == (True,)
    assert _pid(other) != first


@pytest.fixture
def keeping(other: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The one that keeps what it has between requests."""
    keeper = base._Keeper()
    keeper.on = True
    monkeypatch.setattr(base, "_keeper", keeper)
    _pid(other)
    return other


def test_connection_that_is_kept__is_not_handed_back(keeping: Any, asked: list[Any]) -> None:
    first, raw = _pid(keeping), keeping.connection
    for _ in range(3):
        keeping.close_if_unusable_or_obsolete()  # a request ends, and another one begins
        keeping.close_if_unusable_or_obsolete()
        assert keeping.connection is raw
        assert keeping.rests
        assert _pid(keeping) == first
    assert asked == []


def test_connection_that_is_kept__is_asked_after_lying_idle(
    keeping: Any, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _pid(keeping)
    keeping.close_if_unusable_or_obsolete()
    monkeypatch.setattr(base, "FRESH_S", 0.0)
    assert _pid(keeping) == first
    assert len(asked) == 1


def test_connection_that_is_kept__and_hung_up_is_replaced(keeping: Any) -> None:
    for ask in (_pid, _pid_after_a_turn):
        first = _pid(keeping)
        keeping.close_if_unusable_or_obsolete()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 2000)", [first])
            assert cursor.fetchone() == (True,)
        assert ask(keeping) != first


def test_connection_is_not_kept__after_an_error(keeping: Any) -> None:
    with pytest.raises(DatabaseError), keeping.cursor() as cursor:
        cursor.execute("SELECT nothing_of_that_name")
    keeping.close_if_unusable_or_obsolete()
    assert keeping.connection is None


def test_connection_is_not_kept__with_a_transaction_somebody_left_open(keeping: Any) -> None:
    with keeping.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("CREATE TEMP TABLE left_open (word text)")
    raw = keeping.connection
    keeping.close_if_unusable_or_obsolete()
    assert keeping.connection is None
    assert raw.pgconn.transaction_status != TransactionStatus.INTRANS
    with keeping.cursor() as cursor:
        cursor.execute("SELECT to_regclass('left_open')")
        assert cursor.fetchone() == (None,)


def test_connection_is_not_kept__for_ever(keeping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "KEPT_S", 0.0)
    keeping.close_if_unusable_or_obsolete()
    assert keeping.connection is None


def test_one_thread_keeps__the_others_share_what_is_left(keeping: Any) -> None:
    keeping.close_if_unusable_or_obsolete()
    second: Any = connections.create_connection(DEFAULT_DB_ALIAS)
    assert _pid(second) != _pid(keeping)
    second.close_if_unusable_or_obsolete()
    assert second.connection is None


def test_thread_that_ends__leaves_its_connection_to_the_pool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keeper = base._Keeper()
    keeper.on = True
    monkeypatch.setattr(base, "_keeper", keeper)
    first: Any = connections.create_connection(DEFAULT_DB_ALIAS)
    _pid(first)
    first.close_if_unusable_or_obsolete()
    assert first.rests
    raw, pool = first.connection, first.pool
    assert raw not in pool._pool
    del first
    gc.collect()
    assert raw in pool._pool
    another: Any = connections.create_connection(DEFAULT_DB_ALIAS)
    _pid(another)
    another.close_if_unusable_or_obsolete()
    assert another.rests  # it is the one now
    another.close()


def _slow(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [each for each in caplog.records if each.name == slow.__name__]


def test_statement_that_takes_long__is_told_without_its_values(
    db: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[float] = []
    monkeypatch.setattr(slow, "LISTENERS", [counted.append])
    caplog.set_level("INFO", logger=slow.__name__)
    monkeypatch.setenv("CONTROLPLANE_DATABASE_SLOW_STATEMENT_MS", "20")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.03), 'a@b.example' AS mail, %s", ["secret"])
    [told] = _slow(caplog)
    assert told.event == slow.EVENT
    assert told.context["statement"] == "SELECT pg_sleep(?), ? AS mail, %s"
    assert told.context["duration_ms"] >= 30
    assert len(counted) == 1
    assert counted[0] >= 0.03


def test_statement_that_fails_after_long__is_told_too(
    db: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", logger=slow.__name__)
    monkeypatch.setenv("CONTROLPLANE_DATABASE_SLOW_STATEMENT_MS", "20")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '40ms'")
        with pytest.raises(OperationalError):
            cursor.execute("SELECT pg_sleep(5)")
        transaction.set_rollback(True)
    assert [each.context["statement"] for each in _slow(caplog)][-1] == "SELECT pg_sleep(?)"


def test_quick_statement_and_one_of_megabytes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger=slow.__name__)
    slow.note("SELECT 1", 0.01)
    assert not _slow(caplog)
    slow.note("SELECT '" + "x" * 3_000_000, 9.0)
    assert len(_slow(caplog)[0].context["statement"]) <= slow.SHOWN


def test_slow_statements__are_counted_by_what_they_are_part_of() -> None:
    with context.bind(source="desk"):
        slow.note("SELECT 1", 2.5)
    page = metrics.exposition().decode()
    assert 'controlplane_db_slow_statements_total{source="desk"}' in page


def test_every_connection__has_its_limits(other: Any, settings: Any) -> None:
    """What hangs ends by itself: a statement, a wait for a lock, a transaction left open."""
    said = settings.DATABASES["default"]["OPTIONS"]["options"]
    with other.cursor() as cursor:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute("SELECT setting FROM pg_settings WHERE name = %s", [name])
            (value,) = cursor.fetchone()
            assert 0 < int(value) <= 30_000, name
            assert f"-c {name}={value}" in said
    assert settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"] >= 1
