"""Each process's own connection pool: how full, and what it failed to hand out.

A pool is seen by its process alone, so each writes figures into the shared files of `/metrics`,
where whoever reports for the machine finds them. While the database is away these go on counting.
"""

from __future__ import annotations

import os
from typing import Any

from django.db.backends.postgresql.base import DatabaseWrapper

from controlplane.jobs.metrics import CONNECTION_FAILURES, CONNECTIONS, POOL_USED

_seen: dict[tuple[int, int], tuple[float, float]] = {}


def look() -> None:
    """Note how this process's pools stand."""
    for alias, pool in list(_pools().items()):
        stats: dict[str, int] = pool.get_stats()
        size = stats.get("pool_max", 0)
        if size:
            used = stats.get("pool_size", 0) - stats.get("pool_available", 0)
            POOL_USED.labels(alias).set(max(0, used) / size * 100)
        _count(id(pool), stats)


def _pools() -> dict[str, Any]:
    found: dict[str, Any] = DatabaseWrapper._connection_pools  # type: ignore[attr-defined]
    return found


def _count(pool: int, stats: dict[str, int]) -> None:
    """A request for a connection that timed out, and an attempt to open one that failed."""
    asked = float(stats.get("requests_num", 0) + stats.get("connections_num", 0))
    missed = float(stats.get("requests_errors", 0) + stats.get("connections_errors", 0))
    key = (os.getpid(), pool)
    old_asked, old_missed = _seen.get(key, (0.0, 0.0))
    if asked < old_asked or missed < old_missed:
        old_asked = old_missed = 0.0  # another pool at the same place
    _seen[key] = (asked, missed)
    CONNECTIONS.inc(asked - old_asked)
    CONNECTION_FAILURES.inc(missed - old_missed)
