"""Whether a connection of the pool still stands, mostly found out without asking it.

Django's own check is a question to the server with each request, which costs as much as a small
statement. An end that was hung up shows on its socket: something is there to read although nothing
was asked. What lay idle longer is asked all the same, since a connection that some device between
has forgotten shows nothing.
"""

from __future__ import annotations

import select
import time
import weakref
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

from controlplane.base.database import savepoints

FRESH_S = 1.0
KEPT_S = 300.0  # then the pool has it back, and looks at its age
_GIVEN_BACK = "controlplane_given_back_at"


class DatabaseWrapper(savepoints.DatabaseWrapper):
    """`CONN_HEALTH_CHECKS` is off where there is a pool: the looks taken here are instead of it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.rests = False  # kept, and not asked since the last request
        self.taken_at = 0.0
        self._keeping: weakref.finalize[..., Any] | None = None

    def get_new_connection(self, conn_params: Any) -> Any:
        connection = super().get_new_connection(conn_params)
        while self.pool and not stands(connection):
            connection.close()
            self.pool.putconn(connection)  # which puts a new one in its place
            connection = super().get_new_connection(conn_params)
        self.taken_at = time.monotonic()
        return connection

    def ensure_connection(self) -> None:
        if self.rests:
            self.rests = False
            if not stands(self.connection):
                self.connection.close()
                self.close()
        super().ensure_connection()

    def close_if_unusable_or_obsolete(self) -> None:
        """Django asks for it before and after each request."""
        if self.rests:
            return
        if self.connection is None or self.in_atomic_block or not self._keeps():
            super().close_if_unusable_or_obsolete()
        else:
            self._rest()

    def _keeps(self) -> bool:
        return (
            _keeper.is_for(self)
            and not self.errors_occurred
            and time.monotonic() - self.taken_at < KEPT_S
            and self.connection.pgconn.transaction_status == TransactionStatus.IDLE
        )

    def _rest(self) -> None:
        self.rests = True
        setattr(self.connection, _GIVEN_BACK, time.monotonic())
        if self._keeping is None:  # whatever ends the thread: the pool has it back
            back = self.connection._pool.putconn
            self._keeping = weakref.finalize(self, back, self.connection)
            self._keeping.atexit = False

    def _close(self) -> Any:
        self.rests = False
        if self._keeping is not None:
            self._keeping.detach()
            self._keeping = None
        if self.connection is not None and self.pool:
            setattr(self.connection, _GIVEN_BACK, time.monotonic())
        return super()._close()


class _Keeper:
    """One thread of a process at most: the others share what the pool has left."""

    def __init__(self) -> None:
        self.on = False
        self._wrapper: weakref.ref[DatabaseWrapper] | None = None

    def is_for(self, wrapper: DatabaseWrapper) -> bool:
        if not self.on or wrapper.alias != "default":
            return False
        known = self._wrapper() if self._wrapper is not None else None
        if known is None and wrapper.pool and wrapper.pool.max_size > 1:
            self._wrapper, known = weakref.ref(wrapper), wrapper
        return known is wrapper


_keeper = _Keeper()


def keep_between_requests() -> None:
    """Said by a process that answers its requests one after the other."""
    _keeper.on = True


def stands(connection: psycopg.Connection[Any]) -> bool:
    """Whether its server is still there, as far as can be told before something is asked."""
    if connection.closed:
        return False
    idle = time.monotonic() - getattr(connection, _GIVEN_BACK, float("-inf"))
    if idle < FRESH_S and not _has_news(connection):
        return True
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True


def _has_news(connection: psycopg.Connection[Any]) -> bool:
    look = select.poll()
    look.register(connection.fileno(), select.POLLIN)
    return bool(look.poll(0))
