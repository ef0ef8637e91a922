"""Days of events beyond the usual ones, and a second connection to stand in the way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from django.db import connection

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.dsn import with_database
from telemetry.ingest import storing
from telemetry.ingest.shaping import Row, Sender, shape
from telemetry.ingest.wire import Incoming
from telemetry.models import Partition
from telemetry.partitions import tables


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def days_ago(number: int) -> date:
    return clock.now().date() - timedelta(days=number)


def opened(day: date) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT telemetry_open_day(%s)", [day])
        return bool(cursor.fetchone()[0])


def forget_days(before: date) -> None:
    """Whatever is left of the days a test opened, away."""
    with connection.cursor() as cursor:
        for day, table in tables.attached().items():
            if table.pending:
                name = tables.name_of(day)
                cursor.execute(f"ALTER TABLE telemetry_events DETACH PARTITION {name} FINALIZE")
        for part in Partition.objects.filter(day__lt=before):
            cursor.execute(f"DROP TABLE IF EXISTS {tables.name_of(part.day)}")
    Partition.objects.filter(day__lt=before).delete()
    Partition.objects.update(trimmed_at=None)


def put(workspace: Workspace | None, moments: list[datetime], **fields: Any) -> list[Row]:
    """Events of days that ingest would refuse, past it but by its own last step."""
    sender = Sender.of(workspace, "test", clock.now(), datetime.min.replace(tzinfo=UTC))
    rows = []
    for at in moments:
        row = shape(Incoming(event="composio_tool_call", occurred_at=at, **fields), sender)
        assert isinstance(row, Row), row
        rows.append(row)
    storing.store(rows, {at.replace(second=0, microsecond=0) for at in moments})
    return rows


@contextmanager
def somebody_else(*commands: str) -> Iterator[psycopg.Connection[Any]]:
    """Another connection with a transaction open in which these were run."""
    url = with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
    with psycopg.connect(url) as other:
        for command in commands:
            other.execute(command)
        yield other
