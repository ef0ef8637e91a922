"""Keeping a day's events as a file before its table goes, for installations that want it.

A line an event, compressed, with the SHA-256 of the file beside it in the day's row. Off unless
asked for: what was promised to be gone after 180 days must not lie about in files.
"""

# ruff: noqa: S608 - names of tables are made from dates
from __future__ import annotations

import gzip
import hashlib
import tempfile
from datetime import date
from typing import IO

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connections, transaction

from controlplane.audit.sealing import alias
from controlplane.lib.defaults import define
from telemetry.models import Partition
from telemetry.partitions import tables

ARCHIVE = define(
    "telemetry.archive",
    False,
    unit="yes or no",
    why="events older than the retention are gone unless somebody must keep them as files",
)
ROWS = 2_000


def keep(day: date) -> None:
    """Write the file of a detached day, if that is wished and not done yet."""
    part = Partition.objects.filter(day=day).first()
    if part is None or not ARCHIVE.value or part.archive or not tables.exists(day):
        return
    with tempfile.TemporaryFile() as whole:
        rows = _write(day, whole)
        if rows != part.rows:
            raise RuntimeError(f"{rows} events of {day} were archived, {part.rows} were counted")
        whole.seek(0)
        digest = hashlib.file_digest(whole, "sha256").hexdigest()
        whole.seek(0)
        name = default_storage.save(f"telemetry/{day:%Y}/events-{day}.ndjson.gz", File(whole))
    Partition.objects.filter(pk=part.pk).update(archive=name, archive_sha256=digest)


def kept(part: Partition) -> bool:
    """Whether nothing of the archive's speaks against dropping the table."""
    return bool(part.archive) or not ARCHIVE.value


def _write(day: date, to: IO[bytes]) -> int:
    rows = 0
    # The same events make the same file: no time and no name in its head.
    with (
        gzip.GzipFile(fileobj=to, mode="wb", mtime=0, filename="") as packed,
        transaction.atomic(using=alias()),
        connections[alias()].cursor() as cursor,
    ):
        cursor.execute("SET LOCAL statement_timeout = '120s'")
        cursor.execute(
            "DECLARE events CURSOR FOR SELECT row_to_json(e)::text"
            f" FROM {tables.name_of(day)} e ORDER BY occurred_at, id"
        )
        while True:
            cursor.execute(f"FETCH {ROWS} FROM events")
            lines = cursor.fetchall()
            if not lines:
                return rows
            rows += len(lines)
            packed.write("".join(f"{line}\n" for (line,) in lines).encode())
