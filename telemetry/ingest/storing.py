"""Rows into the table: COPY first, and the careful way only for a batch that collides.

`cursor.copy()` raises psycopg's errors, not Django's. Rows are sorted by id, else two clients that
deliver the same events again in different orders lock each other out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter

import psycopg
from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper

from controlplane.lib.errors import Unavailable
from telemetry.ingest import calls
from telemetry.ingest.shaping import Row

COLUMNS = Row._fields
_NAMES = ", ".join(COLUMNS)
_COPY = f"COPY {{}} ({_NAMES}) FROM STDIN (FORMAT BINARY)"
# Ids and JSON go over as the bytes that they are in the server's binary form.
_TYPES = [
    *("bytea", "timestamptz", "timestamptz", "int8"),
    *["text"] * 3,
    "int2",
    *["text"] * 16,
    *("int4", "float8", "float8", "int2", "text", "bytea", "bytea"),
]
TRIES = 3
_AGAIN = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


class NoPartition(Exception):
    """A day was closed between our look and the COPY."""


Known = set[tuple[bytes, datetime]]  # id and time: an id that is used again is another event


def store(rows: Sequence[Row], dirty: Iterable[datetime]) -> Known:
    """Store what is new and mark the minutes, in one transaction. Answers what was there
    before."""
    ordered = sorted(rows, key=itemgetter(0))
    minutes = sorted(dirty)
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                known = _copied_or_merged(cursor, ordered)
                if len(known) < len(ordered):
                    _mark(cursor, ordered[0].workspace_id, minutes)
                    calls.tell(row for row in rows if (row.id, row.occurred_at) not in known)
                return known
        except (psycopg.Error, DatabaseError) as error:
            reason = error if isinstance(error, psycopg.Error) else error.__cause__
            if isinstance(reason, psycopg.errors.CheckViolation):
                raise NoPartition from error
            if not isinstance(reason, _AGAIN) or attempt == TRIES:
                raise Unavailable(
                    "Events can't be stored now. Send them again.", retry_after=5
                ) from error
    raise AssertionError("unreachable")


def _copied_or_merged(cursor: CursorWrapper, rows: Sequence[Row]) -> Known:
    try:
        with transaction.atomic():
            _copy(cursor, "telemetry_events", rows)
        return set()
    except psycopg.errors.UniqueViolation:
        return _merge(cursor, rows)


def _copy(cursor: CursorWrapper, table: str, rows: Iterable[Row]) -> None:
    with cursor.copy(_COPY.format(table)) as copy:
        copy.set_types(_TYPES)
        for row in rows:
            copy.write_row(row)


def _merge(cursor: CursorWrapper, rows: Sequence[Row]) -> Known:
    """Some are there already: through a table of our own, leaving those out."""
    cursor.execute(
        "CREATE TEMPORARY TABLE telemetry_incoming (LIKE telemetry_events) ON COMMIT DROP"
    )
    _copy(cursor, "telemetry_incoming", rows)
    cursor.execute(
        f"INSERT INTO telemetry_events ({_NAMES}) SELECT {_NAMES} FROM telemetry_incoming"  # noqa: S608
        " ORDER BY id ON CONFLICT DO NOTHING RETURNING id, occurred_at"
    )
    new = {(id_.bytes, at) for id_, at in cursor.fetchall()}
    cursor.execute("DROP TABLE telemetry_incoming")
    return {(row.id, row.occurred_at) for row in rows} - new


def _mark(cursor: CursorWrapper, workspace_id: int | None, minutes: Sequence[datetime]) -> None:
    cursor.execute(
        "INSERT INTO telemetry_dirty (workspace_id, grain, bucket, at)"
        " SELECT %s, 'minute', minute, statement_timestamp()"
        " FROM unnest(%s::timestamptz[]) AS minute",
        [workspace_id, list(minutes)],
    )
