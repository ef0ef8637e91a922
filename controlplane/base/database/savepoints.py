"""Savepoints travel with the next statement.

Every service is one `atomic()`, and services call services: of all statements more than a third
were `SAVEPOINT` and `RELEASE SAVEPOINT`, each on a way of its own to the server and back. Here
they wait for the next statement and are sent before it in the same message; where none follows,
they are never sent. What a rollback takes back, it takes back at once, for it gives up locks.

Statements that go past Django, on `connection.connection`, say `send_savepoints()` first.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from django.db.backends.postgresql import base, operations
from psycopg.pq import TransactionStatus

from controlplane.base.database import slow

if TYPE_CHECKING:
    from psycopg import ClientCursor

    DjangoCursor = ClientCursor[Any]
else:
    DjangoCursor = base.Cursor


class Cursor(DjangoCursor):
    # The list of its connection; empty for one that Django did not make.
    waiting: list[str] = []
    # The last statement alone, for logs and for whoever counts questions.
    alone: str | None = None

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        began = perf_counter()
        try:
            return self._execute(query, params, **options)
        finally:
            slow.note(query, perf_counter() - began)

    def _execute(self, query: Any, params: Any, **options: Any) -> Any:
        self.alone = None
        if not self.waiting:
            return super().execute(query, params, **options)
        # Values that can't be told to PostgreSQL raise here, before anything is sent.
        self.alone = self.mogrify(query, params)
        count = len(self.waiting)
        super().execute(f"{_joined(self.waiting)}; {self.alone}", **options)
        for _ in range(count):
            self.nextset()
        return self

    def executemany(self, *args: Any, **options: Any) -> None:
        self._send()
        super().executemany(*args, **options)

    def copy(self, *args: Any, **options: Any) -> Any:
        self._send()
        return super().copy(*args, **options)

    def stream(self, *args: Any, **options: Any) -> Any:
        self._send()
        return super().stream(*args, **options)

    def _send(self) -> None:
        if self.waiting:
            super().execute(_joined(self.waiting))


class DatabaseOperations(operations.DatabaseOperations):
    compiler_module = "controlplane.base.database.compiler"

    def last_executed_query(self, cursor: Any, sql: Any, params: Any) -> Any:
        alone = getattr(cursor, "alone", None)
        return super().last_executed_query(cursor, sql, params) if alone is None else alone


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.waiting: list[str] = []

    def send_savepoints(self) -> None:
        """Now, for a statement that goes past Django."""
        if self.waiting:
            with self.wrap_database_errors, self.connection.cursor() as cursor:
                cursor.execute(_joined(self.waiting))

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if params["cursor_factory"] is base.Cursor:
            params["cursor_factory"] = Cursor
        return params

    def create_cursor(self, name: str | None = None) -> Any:
        if name:  # it is declared in a message of its own
            self.send_savepoints()
        cursor = super().create_cursor(name)
        if isinstance(cursor, Cursor):
            cursor.waiting = self.waiting
        return cursor

    def check_constraints(self, table_names: Any = None) -> None:
        with self.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")

    # --- What waits -------------------------------------------------------------------------------

    def _savepoint(self, sid: str) -> None:
        self.waiting.append(self.ops.savepoint_create_sql(sid))

    def _savepoint_commit(self, sid: str) -> None:
        if self.waiting and self.waiting[-1] == self.ops.savepoint_create_sql(sid):
            self.waiting.pop()  # nothing was said in it
            return
        self.waiting.append(self.ops.savepoint_commit_sql(sid))
        # After an error that somebody swallowed: PostgreSQL says so at the end of this block, as
        # it did before, and not with a later one.
        if self.connection.pgconn.transaction_status == TransactionStatus.INERROR:
            self.send_savepoints()

    def _savepoint_rollback(self, sid: str) -> None:
        begun = self.ops.savepoint_create_sql(sid)
        if begun in self.waiting:
            del self.waiting[self.waiting.index(begun) + 1 :]
            return
        self.waiting.clear()  # all of it began inside, and ends with it
        super()._savepoint_rollback(sid)  # type: ignore[misc]

    # --- The end of what waits --------------------------------------------------------------------

    def connect(self) -> None:
        self.waiting.clear()
        super().connect()

    def _commit(self) -> None:
        self.waiting.clear()  # a commit ends them too
        super()._commit()  # type: ignore[misc]

    def _rollback(self) -> None:
        self.waiting.clear()
        super()._rollback()  # type: ignore[misc]

    def _close(self) -> Any:
        self.waiting.clear()
        return super()._close()  # type: ignore[misc]


def _joined(waiting: list[str]) -> str:
    """All of them as one text. From here on they count as sent: in a transaction that an error
    ended, none can be sent again."""
    text = "; ".join(waiting)
    waiting.clear()
    return text
