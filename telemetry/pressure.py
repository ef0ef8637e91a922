"""When the portal asks senders to wait: rollups that fell so far behind that dashboards and rules
would read old numbers. Stored is what was stored; 503 with Retry-After is honest about the rest."""

from __future__ import annotations

import time

from django.db import connection

from controlplane.lib.defaults import define
from controlplane.lib.errors import Unavailable

MOST = define(
    "telemetry.max_dirty",
    200_000,
    unit="rows",
    why="some minutes of work for the rollup job; beyond it senders wait",
)
EVERY = 2.0
_looked_at = 0.0
_full = False


def check() -> None:
    """Raise 503 while the backlog is too long. Looks every two seconds at most."""
    global _looked_at, _full
    now = time.monotonic()
    if now - _looked_at >= EVERY:
        _looked_at, _full = now, backlog() > MOST.value
    if _full:
        raise Unavailable("Telemetry is catching up. Send it again.", retry_after=10)


def forget() -> None:
    """Look anew at the next batch."""
    global _looked_at
    _looked_at = 0.0


def backlog() -> int:
    """Waiting marks, counted to one past the limit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM"
            " (SELECT 1 FROM telemetry_dirty WHERE grain = 'minute' LIMIT %s) AS waiting",
            [MOST.value + 1],
        )
        return int(cursor.fetchone()[0])
