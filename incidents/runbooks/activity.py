"""What the database is doing: connections by state, queries that run for long, and ending one.

The text of a query is shown without its values: they are other people's data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.base.database.slow import without_values
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, NotFound
from controlplane.lib.given import text
from incidents.runbooks.numbers import END_QUERY_S, LONG_QUERY_S

ACTION = "database.terminate"
SUBJECT = "database"
SHOWN = 100
_CONNECTIONS = """
    SELECT coalesce(state, 'not told'), coalesce(application_name, ''), count(*),
        max(extract(epoch FROM now() - state_change))
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
    GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 50
"""
_LONG = """
    SELECT pid, coalesce(state, ''), coalesce(application_name, ''), coalesce(usename, ''),
        query_start, extract(epoch FROM now() - coalesce(query_start, xact_start)),
        coalesce(wait_event_type || ':' || wait_event, ''), pg_blocking_pids(pid),
        coalesce(query, '')
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
        AND pid <> pg_backend_pid() AND state <> 'idle'
        AND coalesce(query_start, xact_start) <= now() - make_interval(secs => %s)
    ORDER BY coalesce(query_start, xact_start), pid LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Held:
    """Connections of one program in one state."""

    state: str
    program: str
    number: int
    longest_s: float


@dataclass(frozen=True, slots=True)
class Long:
    pid: int
    state: str
    program: str
    role: str
    since: datetime | None
    lasted_s: float
    waits_for: str
    blocked_by: list[int]
    query: str


def limit() -> tuple[int, int]:
    """Connections that there are, and the most that there can be."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
            " current_setting('max_connections')::int"
        )
        used, most = cursor.fetchone()
    return int(used), int(most)


def connections() -> list[Held]:
    with connection.cursor() as cursor:
        cursor.execute(_CONNECTIONS)
        return [
            Held(state, program, number, float(longest or 0))
            for state, program, number, longest in cursor.fetchall()
        ]


def long_queries(longer_s: int | None = None) -> list[Long]:
    """What has run for so long, the longest first. A transaction that does nothing counts too:
    it holds what it locked."""
    seconds = LONG_QUERY_S.value if longer_s is None else longer_s
    with connection.cursor() as cursor:
        cursor.execute(_LONG, [seconds, SHOWN])
        return [_long(row) for row in cursor.fetchall()]


def _long(row: tuple[Any, ...]) -> Long:
    pid, state, program, role, since, lasted, waits, blocked, query = row
    return Long(
        pid, state, program, role, since, float(lasted or 0), waits, list(blocked or []),
        without_values(query),
    )  # fmt: skip


@transaction.atomic
def terminate(pid: int, *, actor: Actor, reason: str, longer_s: int | None = None) -> Long:
    """End the query of this process, and its connection with it. Only one that has run for at
    least so long: what is asked for is found again under this very number, or nothing is ended."""
    policy.require(actor, ACTION, SUBJECT)
    reason = text("reason", reason, 500, required=True)
    least = END_QUERY_S.value if longer_s is None else longer_s
    if least < 1:
        raise Invalid("Say from which age on a query may be ended.")
    with connection.cursor() as cursor:
        cursor.execute(_LONG, [0, 10_000])
        found = {row[0]: _long(row) for row in cursor.fetchall()}.get(pid)
        if found is None:
            raise NotFound(f"Process {pid} runs nothing here.")
        if found.lasted_s < least:
            raise Conflict(
                f"Process {pid} has run for {found.lasted_s:.0f} s: only what has run for "
                f"{least} s is ended."
            )
        # Once more by its beginning: the number may belong to somebody else by now.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid = %s AND query_start IS NOT DISTINCT FROM %s",
            [pid, found.since],
        )
        ended = cursor.fetchone()
    if ended is None or not ended[0]:
        raise Conflict(f"Process {pid} has ended by itself.")
    record(
        actor, ACTION, "database:connection", reason=reason,
        after={"pid": pid, "lasted_s": round(found.lasted_s), "role": found.role,
               "program": found.program, "query": found.query},
    )  # fmt: skip
    return found
