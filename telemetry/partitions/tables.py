"""What the database says of the tables, which is what counts: rows are our notes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from telemetry.models import Partition

PREFIX = "telemetry_events_"


@dataclass(frozen=True, slots=True)
class Table:
    day: date
    pending: bool  # its detaching was interrupted


def name_of(day: date) -> str:
    return f"{PREFIX}{day:%Y%m%d}"


def attached() -> dict[date, Table]:
    """The partitions there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, i.inhdetachpending FROM pg_inherits i"
            " JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'telemetry_events'::regclass"
        )
        rows = cursor.fetchall()
    found = {}
    for name, pending in rows:
        day = _day_of(name)
        if day is not None:
            found[day] = Table(day, bool(pending))
    return found


def open_days() -> set[date]:
    """Days that take events: open by our notes, and with a table that is there."""
    noted = Partition.objects.filter(state=Partition.State.OPEN).values_list("day", flat=True)
    return set(noted).intersection(day for day, table in attached().items() if not table.pending)


def exists(day: date) -> bool:
    """As a table, attached or not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name_of(day)])
        return bool(cursor.fetchone()[0])


def count(day: date) -> int:
    """How many events lie in the day's table, attached or not."""
    if not exists(day):
        return 0
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {name_of(day)}")  # noqa: S608 - made from a date
        return int(cursor.fetchone()[0])


def _day_of(name: str) -> date | None:
    try:
        return datetime.strptime(name.removeprefix(PREFIX), "%Y%m%d").date()  # noqa: DTZ007
    except ValueError:
        return None  # somebody's own
