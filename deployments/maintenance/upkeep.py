"""The database's own upkeep: VACUUM ANALYZE each week, REINDEX when asked.

Neither runs inside a transaction, so a connection of its own is opened, as the role that owns the
tables where one is configured. The trap: a role that may not vacuum a table is told so in a
warning and the command succeeds all the same. So rights are looked at first, and what is left out
is counted and named.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from controlplane.audit.sealing import alias
from controlplane.backups import pgtools
from controlplane.backups.restoring import connect
from controlplane.jobs import progress
from controlplane.lib.errors import NotAllowed, NotFound

JOB = "deployments.vacuum"
# A table that somebody has locked is left for the end, and then waited for longer.
LOCK_TIMEOUT, LAST_TIMEOUT = "5s", "60s"

_TABLES = """
SELECT c.oid, n.nspname, c.relname, c.relkind = 'p' AS is_parent,
       pg_has_role(c.relowner, 'USAGE')
         OR pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()),
                        'USAGE')
         OR {maintain} AS may,
       coalesce(s.n_dead_tup, 0) AS dead, pg_table_size(c.oid) AS bytes,
       pg_indexes_size(c.oid) AS index_bytes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
 WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence = 'p'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
 ORDER BY c.relkind = 'p', n.nspname, c.relname
"""


@dataclass(frozen=True, slots=True)
class Table:
    oid: int
    schema: str
    name: str
    is_parent: bool
    may: bool
    dead: int
    bytes: int
    index_bytes: int

    @property
    def sql(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def _connection() -> Iterator[Connection]:
    where = pgtools.parameters(alias())
    with connect(where, application_name="controlplane-upkeep") as found:
        found.execute("SET statement_timeout = 0")
        _wait_for(found, LOCK_TIMEOUT)
        yield found


def _wait_for(connection: Connection, how_long: str) -> None:
    connection.execute("SELECT set_config('lock_timeout', %s, false)", [how_long])


def tables_of(connection: Connection) -> list[Table]:
    # The right of its own came with PostgreSQL 17; older servers don't know its name.
    knows = connection.info.server_version >= 170_000
    maintain = "has_table_privilege(c.oid, 'MAINTAIN')" if knows else "false"
    return [Table(*row) for row in connection.execute(_TABLES.format(maintain=maintain))]


def tables() -> list[Table]:
    with _connection() as connection:
        return tables_of(connection)


def vacuum() -> dict[str, Any]:
    """Every table, one after the other: dead rows are given back, the planner's figures are
    fresh. Parents of partitions are analysed, which nobody does for them otherwise."""
    with _connection() as connection:
        found = tables_of(connection)
        mine = [table for table in found if table.may]
        if found and not mine:
            raise NotAllowed(
                "This role may vacuum none of the tables: set DATABASE_OWNER_URL for the workers."
            )
        locked: list[Table] = []
        for number, table in enumerate(mine):
            progress.step(number, len(mine), table.name)
            if not _vacuumed(connection, table):
                locked.append(table)
        _wait_for(connection, LAST_TIMEOUT)
        locked = [table for table in locked if not _vacuumed(connection, table)]
        left = [table.name for table in found if not table.may]
    if locked:
        names = ", ".join(table.name for table in locked[:10])
        raise TimeoutError(f"Locked by others for too long: {names}.")
    return {
        "tables": len(mine),
        "dead_rows": sum(table.dead for table in mine),
        "left_out": len(left),
        **({"not_allowed": ", ".join(left[:10])} if left else {}),
    }


def _vacuumed(connection: Connection, table: Table) -> bool:
    how = sql.SQL("ANALYZE {}") if table.is_parent else sql.SQL("VACUUM (ANALYZE) {}")
    try:
        connection.execute(how.format(table.sql))
    except psycopg.errors.LockNotAvailable:
        return False
    except psycopg.errors.UndefinedTable:
        pass  # a partition that was dropped meanwhile
    return True


def reindex(name: str = "") -> Iterator[Table]:
    """Rebuild the indexes of one table or of all, without locking writers out. Each is told when
    it is done."""
    with _connection() as connection:
        _wait_for(connection, LAST_TIMEOUT)
        wanted = [
            table
            for table in tables_of(connection)
            if not table.is_parent and name in {"", table.name}
        ]
        if not wanted:
            raise NotFound(f"There is no table {name}.")
        refused = [table.name for table in wanted if not table.may]
        if refused:
            raise NotAllowed(
                f"This role may not reindex {', '.join(refused[:5])}: set DATABASE_OWNER_URL."
            )
        for table in wanted:
            connection.execute(sql.SQL("REINDEX TABLE CONCURRENTLY {}").format(table.sql))
            yield table
