"""Helpers around the log: events by the dozen, and being a forger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from controlplane.audit import sealing
from controlplane.audit.models import AuditEvent, AuditSeal
from controlplane.audit.proof import LEAF
from controlplane.audit.services import record
from controlplane.lib import actors
from controlplane.lib.actors import Actor

GUARDED = ("audit_auditevent", "audit_auditseal")
_ALWAYS = {
    "audit_auditevent": ("audit_stamp", "audit_enqueue", "audit_no_update", "audit_no_delete",
                         "audit_no_truncate"),
    "audit_auditseal": ("seal_no_change", "seal_no_truncate"),
}  # fmt: skip


def _off() -> list[str]:
    return [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in GUARDED]


def _on() -> list[str]:
    return [
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
        for table, names in _ALWAYS.items()
        for name in names
    ]


@contextmanager
def forging() -> Iterator[Any]:
    """A cursor of somebody who owns the database and has switched the guards off."""
    with connection.cursor() as cursor:
        for statement in _off():
            cursor.execute(statement)
        try:
            yield cursor
        finally:
            for statement in _on():
                cursor.execute(statement)


def rehash(cursor: Any, event_id: int) -> None:
    cursor.execute(f"UPDATE audit_auditevent e SET leaf = {LEAF} WHERE e.id = %s", [event_id])


def events(count: int, *, actor: Actor | None = None, **fields: Any) -> list[AuditEvent]:
    actor = actor or actors.job("tests")
    return [record(actor, "test.act", f"test.thing:{n}", **fields) for n in range(count)]


@contextmanager
def written_days_ago(days: int) -> Iterator[None]:
    """Events and seals of the block get the times, and the honest leaves, of so many days ago.

    The clock of the database can't be moved, so its stamping function is replaced meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('public.audit_event_stamp'::regproc)")
        real = cursor.fetchone()[0]
        cursor.execute(
            real.replace("clock_timestamp()", f"clock_timestamp() - interval '{days} days'")
        )
        original = sealing.append

        def append(cursor: Any, **fields: Any) -> AuditSeal:
            wrapped = _Past(cursor, days)
            return original(wrapped, **fields)  # type: ignore[arg-type]

        sealing.append = append
        try:
            yield
        finally:
            sealing.append = original
            cursor.execute(real)


class _Past:
    """A cursor on whose clock it is so many days ago."""

    def __init__(self, cursor: Any, days: int) -> None:
        self._cursor, self._days = cursor, days

    def execute(self, statement: str, *rest: Any) -> Any:
        past = f"clock_timestamp() - interval '{self._days} days'"
        return self._cursor.execute(statement.replace("clock_timestamp()", past), *rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)
