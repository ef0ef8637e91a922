"""The pool hands out connections that stand, and asks the server only where it can't be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from psycopg_pool import ConnectionPool

from controlplane.base.database import base

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
