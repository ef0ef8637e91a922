"""Statements of hot paths, on the connection as it is and prepared once.

Django's own cursor puts values into the text, so that the server plans each statement anew; for
those with many parts planning costs more than running. Each is read once for where its values go.
Behind a pooler that hands out connections by transaction, prepared statements don't hold: switch
them off there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from functools import lru_cache
from typing import Any

import psycopg
from django.db import connection

from controlplane.lib.defaults import define

PREPARE = define(
    "database.prepare_statements",
    True,
    why="Saves planning; off behind a pooler that hands out connections by transaction.",
)
Row = tuple[Any, ...]
Values = Mapping[str, Any]
_AFTER = 5  # psycopg's own number; Django sets none, and without one nothing is prepared
_VALUE = re.compile(r"%\((\w+)\)s|%%")


def rows(statement: str, values: Values) -> list[Row]:
    """What it answers. Joins the transaction that is open, or commits by itself. Values have the
    types that psycopg gives them: where PostgreSQL can't know better, the text casts them."""
    raw = _raw()
    with connection.wrap_database_errors, psycopg.RawCursor(raw) as cursor:
        _begin(cursor, statement, values)
        return _answer(cursor)


def one(statement: str, values: Values) -> Row:
    """Its only row."""
    (row,) = rows(statement, values)
    return row


def together(*asked: tuple[str, Values]) -> list[list[Row]]:
    """What each answers, one after the other, all on one way to the server and back. Each sees what
    was committed before it began, also where the one before it waited for a lock."""
    if len(asked) < 2:
        return [rows(*each) for each in asked]
    raw = _raw()
    with connection.wrap_database_errors, ExitStack() as stack:
        cursors = [stack.enter_context(psycopg.RawCursor(raw)) for _ in asked]
        with raw.pipeline():
            for cursor, (statement, values) in zip(cursors, asked, strict=True):
                _begin(cursor, statement, values)
        return [_answer(cursor) for cursor in cursors]


def _raw() -> psycopg.Connection[Row]:
    connection.ensure_connection()
    connection.send_savepoints()  # type: ignore[attr-defined]
    raw: psycopg.Connection[Row] = connection.connection
    if PREPARE.value and raw.prepare_threshold is None:
        raw.prepare_threshold = _AFTER
    return raw


def _begin(cursor: psycopg.RawCursor[Row], statement: str, values: Values) -> None:
    text, names = _read(statement)
    cursor.execute(text, [values[name] for name in names], prepare=PREPARE.value)


def _answer(cursor: psycopg.RawCursor[Row]) -> list[Row]:
    # Whether there are columns, without what `description` would make of each.
    result = cursor.pgresult
    return cursor.fetchall() if result is not None and result.nfields else []


@lru_cache(maxsize=128)
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
