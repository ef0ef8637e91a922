"""A statement on the connection as it is, prepared once and answered as one row.

Django's own cursor puts values into the text, so that the server plans each of these anew; planning
costs them more than running. psycopg's usual one would read a long text anew with each call to find
where values go, so that is done here once. Behind a pooler that hands out connections by
transaction, prepared statements don't hold: switch them off there.
"""

from __future__ import annotations

import re
from functools import lru_cache
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
_VALUE = re.compile(r"%\((\w+)\)s|%%")


def one(statement: str, values: dict[str, Any]) -> tuple[Any, ...]:
    """Its only row. Joins the transaction that is open, or commits by itself."""
    connection.ensure_connection()
    raw = connection.connection
    wanted = PREPARE.value
    if wanted and raw.prepare_threshold is None:
        raw.prepare_threshold = _AFTER
    text, names = _read(statement)
    given = [values[name] for name in names]
    with connection.wrap_database_errors, psycopg.RawCursor(raw) as cursor:
        row = cursor.execute(text, given, prepare=wanted).fetchone()
    if row is None:
        raise RuntimeError("the statement answers one row, always")
    return tuple(row)


@lru_cache(maxsize=32)
def _read(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """As the server wants it, values by number; and which values those are."""
    numbers: dict[str, int] = {}

    def numbered(found: re.Match[str]) -> str:
        name = found.group(1)
        if name is None:
            return "%"
        return f"${numbers.setdefault(name, len(numbers) + 1)}"

    text = _VALUE.sub(numbered, statement).encode()
    return text, tuple(numbers)
