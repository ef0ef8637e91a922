"""How the database fares."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from typing import Any

from django.db import connection

from telemetry.collectors.table import QUICK, SLOW, Figure, gauge

BLOAT_FROM = 1_000  # rows: a small table's few dead ones mean nothing
_STATES = """
    SELECT coalesce(state, 'unknown'), count(*) FROM pg_stat_activity
    WHERE datid IS NOT NULL GROUP BY 1
"""
# By the database's own count: a role without rights sees nothing of other people's sessions.
_USED = """
    SELECT sum(numbackends)::float * 100 / current_setting('max_connections')::int
    FROM pg_stat_database
"""
# The days of one table are one table, else there would be a new name every night.
_BLOAT = """
    SELECT regexp_replace(relname, '_[0-9]{8}$', ''),
        sum(n_dead_tup)::float * 100 / sum(n_live_tup + n_dead_tup)
    FROM pg_stat_user_tables GROUP BY 1 HAVING sum(n_live_tup + n_dead_tup) >= %s
    ORDER BY 2 DESC LIMIT 10
"""
_BLOAT_OF_ALL = """
    SELECT sum(n_dead_tup)::float * 100 / nullif(sum(n_live_tup + n_dead_tup), 0)
    FROM pg_stat_user_tables
"""


@gauge("db_connections", unit="connections", every=QUICK)
def connections() -> Iterable[Figure]:
    return [Figure(number, of=state) for state, number in _rows(_STATES)]


@gauge("db_connections_percent", unit="%", every=QUICK)
def connections_percent() -> Iterable[Figure]:
    return [Figure(round(percent, 2)) for (percent,) in _rows(_USED)]


@gauge("db_latency_ms", unit="ms", every=QUICK)
def latency() -> Iterable[Figure]:
    """The middle one of three small questions."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        _rows("SELECT 1")
        times.append((time.perf_counter() - began) * 1000)
    yield Figure(round(statistics.median(times), 3))


@gauge("db_bloat_percent", unit="%", every=SLOW)
def bloat() -> Iterable[Figure]:
    """Dead rows of all rows: the ten worst tables and the whole database."""
    for (percent,) in _rows(_BLOAT_OF_ALL):
        if percent is not None:
            yield Figure(round(percent, 2), of="(all)")
    for table, percent in _rows(_BLOAT, [BLOAT_FROM]):
        yield Figure(round(percent, 2), of=table)


def _rows(query: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params or [])
        return list(cursor.fetchall())
