"""Whether a connection of the pool still stands, mostly found out without asking it.

Django's own check is a question to the server with each request, which costs as much as a small
statement. An end that was hung up shows on its socket: something is there to read although nothing
was asked. What lay idle longer is asked all the same, since a connection that some device between
has forgotten shows nothing.
"""

from __future__ import annotations

import select
import time
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from controlplane.base.database import savepoints

FRESH_S = 1.0
_GIVEN_BACK = "controlplane_given_back_at"


class DatabaseWrapper(savepoints.DatabaseWrapper):
    """`CONN_HEALTH_CHECKS` is off where there is a pool: the looks taken here are instead of it."""

    def get_new_connection(self, conn_params: Any) -> Any:
        connection = super().get_new_connection(conn_params)
        while self.pool and not stands(connection):
            connection.close()
            self.pool.putconn(connection)  # which puts a new one in its place
            connection = super().get_new_connection(conn_params)
        return connection

    def _close(self) -> Any:
        if self.connection is not None and self.pool:
            setattr(self.connection, _GIVEN_BACK, time.monotonic())
        return super()._close()


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
