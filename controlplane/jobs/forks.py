"""A forked process must not speak on its parent's database connections.

Celery's prefork pool and preloading web servers fork processes that may hold a connection pool.
The copy shares the sockets: closing it properly would say goodbye in the parent's name, using it
would mix two conversations. So the child forgets it, without a word on the wire (psycopg's own
finaliser does nothing in a process that did not open the connection).
"""

from __future__ import annotations

import os

from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

_installed = False


def install() -> None:
    global _installed
    if not _installed:
        _installed = True
        os.register_at_fork(after_in_child=forget_connections)


def forget_connections() -> None:
    pools: dict[str, object] = DatabaseWrapper._connection_pools  # type: ignore[attr-defined]
    pools.clear()
    for wrapper in connections.all(initialized_only=True):
        if wrapper.vendor == "postgresql":
            wrapper.connection = None
            wrapper.in_atomic_block = False
            wrapper.savepoint_ids = []
            wrapper.needs_rollback = False
