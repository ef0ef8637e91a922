"""A statement on the connection as it is, prepared once and answered as one row.

Django's own cursor puts values into the text, so that the server plans each of these anew; planning
costs them more than running. Behind a pooler that hands out connections by transaction, prepared
statements don't hold: switch them off there.
"""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connection

from controlplane.lib.defaults import define

PREPARE = define(
    "threads.prepare_statements",
    True,
    why="Saves planning; off behind a pooler that hands out connections by transaction.",
)
_AFTER = 5  # psycopg's own number; Django sets none, and without one nothing is prepared


def one(statement: str, values: dict[str, Any]) -> tuple[Any, ...]:
    """Its only row. Joins the transaction that is open, or commits by itself."""
    connection.ensure_connection()
    raw = connection.connection
    wanted = PREPARE.value
    if wanted and raw.prepare_threshold is None:
        raw.prepare_threshold = _AFTER
    with connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
        row = cursor.execute(statement, values, prepare=wanted).fetchone()
    if row is None:
        raise RuntimeError("the statement answers one row, always")
    return tuple(row)
