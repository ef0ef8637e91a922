"""Emptying the database after a test that commits.

Django truncates every table and then makes permissions and content types anew: with sixty tables
half a second each time, growing with every table. Here only tables that hold rows are emptied, by
DELETE, which costs what the rows cost.

Tables that must keep their rows say so by triggers, which tests of their own prove. They are
lifted for this moment, inside the transaction that deletes, and put back as they were.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.test import TransactionTestCase

# Made by migrations, never by a test.
KEPT = frozenset(
    {"django_migrations", "django_content_type", "auth_permission", "telemetry_partition"}
)
_STATES = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA"}


def empty_again(test: TransactionTestCase) -> None:
    """In place of Django's `_fixture_teardown`."""
    if test.available_apps is not None or test.serialized_rollback:
        raise NotImplementedError("Tests here start from an empty database, with all apps.")
    with transaction.atomic(), connection.cursor() as cursor:
        if names := filled():
            _empty(cursor, names)


def filled() -> list[str]:
    """The tables that hold rows a test made."""
    with connection.cursor() as cursor:
        cursor.execute(_question())
        return [name for (name,) in cursor.fetchall()]


@cache
def _question() -> str:
    with connection.cursor() as cursor:
        names = set(connection.introspection.table_names(cursor))
    known = set(connection.introspection.django_table_names(include_views=False))
    # Tables that migrations make in SQL.
    known |= {model._meta.db_table for model in apps.get_models() if not model._meta.managed}
    return " UNION ALL ".join(
        f"(SELECT '{name}' FROM {connection.ops.quote_name(name)} LIMIT 1)"
        for name in sorted(names.intersection(known) - KEPT)
    )


def _empty(cursor: CursorWrapper, names: list[str]) -> None:
    lifted = _guards(cursor, names)
    for table, trigger, _ in lifted:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
    cursor.execute("SET CONSTRAINTS ALL DEFERRED")  # whatever the order: in the end all are empty
    # Keys are looked up with plans made while the tables were empty: not by reading all, for each.
    cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL statement_timeout = 0; DISCARD PLANS")
    cursor.execute("".join(f'DELETE FROM "{name}";' for name in names))
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table, trigger, state in lifted:
        cursor.execute(f"ALTER TABLE {table} {_STATES[state]} TRIGGER {trigger}")


def _guards(cursor: CursorWrapper, names: list[str]) -> list[tuple[Any, ...]]:
    """Our own triggers on DELETE, of these tables and their partitions."""
    cursor.execute(
        """
        SELECT tgrelid::regclass::text, quote_ident(tgname), tgenabled::text
        FROM pg_trigger
        WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 8 > 0 AND tgparentid = 0
          AND tgrelid IN (
            SELECT t.relid FROM unnest(%s::text[]) AS name,
            LATERAL pg_partition_tree(quote_ident(name)::regclass) AS t
            UNION SELECT quote_ident(name)::regclass FROM unnest(%s::text[]) AS name
          )
        """,
        [names, names],
    )
    return list(cursor.fetchall())
