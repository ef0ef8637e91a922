"""Closing days: sealed, settled, detached, and dropped at last. A day that a legal hold keeps is
sealed and settled like any other, and stays attached: what is held can be read.

DETACH CONCURRENTLY and a constraint on the day's own table: nobody who writes to another day waits
for it. Everything here may be killed at any point and is taken up by the next run.
"""

# ruff: noqa: S608 - names of tables are made from dates
from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

import psycopg
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.utils import CursorWrapper

from controlplane.audit.sealing import alias
from telemetry import rollups
from telemetry.models import Partition
from telemetry.partitions import archive, holding, tables
from telemetry.partitions.oldest import beginning
from telemetry.rollups import marks

logger = logging.getLogger(__name__)

# Arbitrary but fixed: one process at a time closes days.
LOCK = 0x74656C656D2D7074
TRIES = 5
SEALED = "telemetry_day_is_sealed"
State = Partition.State


class Busy(Exception):
    """Somebody holds on to the day's table. The next run tries again."""


def close_old(cutoff: datetime, *, deadline: float | None = None) -> list[date]:
    """Seal, settle, archive and detach every day that ended before `cutoff`. Answers those that
    may be dropped now. One process at a time; the others answer nothing."""
    closed = []
    with _turn() as mine:
        if not mine:
            return []
        is_held = holding.judge()
        for part in _beyond(cutoff):
            if deadline is not None and time.monotonic() >= deadline:
                break
            held = is_held(part.day)
            if held and part.sealed_at is not None:
                continue
            try:
                _close(part.day, held=held)
            except Busy:
                logger.warning("the table of %s is in use; it is closed another time", part.day)
                continue
            closed += [] if held else [part.day]
        for day in Partition.objects.filter(state=State.DETACHED).values_list("day", flat=True):
            if is_held(day):
                _bring_back(day)
            else:
                archive.keep(day)
    return closed


def _beyond(cutoff: datetime) -> list[Partition]:
    waiting = Partition.objects.filter(state__in=[State.OPEN, State.SEALED], day__lt=cutoff.date())
    return list(waiting.order_by("day"))


def _close(day: date, *, held: bool) -> None:
    table = tables.attached().get(day)
    if table is None:
        _note(day, State.DETACHED if tables.exists(day) else State.DROPPED)
        return
    if not table.pending:
        seal(day)
        settle(day)
        if held:
            return
    detach(day, pending=table.pending)


def seal(day: date) -> None:
    """From now on the day takes no event, whoever still believes that it is open. Waits for
    those who are writing to it: what they stored is marked then."""
    for _ in range(TRIES):
        try:
            with transaction.atomic(using=alias()), connections[alias()].cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
                # Not checked against the rows that are there, who all violate it.
                cursor.execute(
                    f"ALTER TABLE {tables.name_of(day)} DROP CONSTRAINT IF EXISTS {SEALED},"
                    f" ADD CONSTRAINT {SEALED} CHECK (false) NOT VALID"
                )
                cursor.execute(
                    "UPDATE telemetry_partition SET state = 'sealed'"
                    " WHERE day = %s AND state = 'open'",
                    [day],
                )
            return
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise
    raise Busy


def settle(day: date) -> None:
    """All that waits of the day into its rollups, which are final with that."""
    low, high = beginning(day), beginning(day + timedelta(days=1))
    while not _settled(day, low, high):
        rollups.settle(low, high)


def _settled(day: date, low: datetime, high: datetime) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        marks.take_turn(cursor, wait=True)
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM telemetry_dirty WHERE bucket >= %s AND bucket < %s)"
            " OR EXISTS (SELECT 1 FROM telemetry_dirtymission WHERE day = %s)",
            [low, high, day],
        )
        if cursor.fetchone()[0]:
            return False
        cursor.execute("SET LOCAL statement_timeout = '120s'")
        name = tables.name_of(day)
        cursor.execute(
            "UPDATE telemetry_partition SET sealed_at = clock_timestamp(),"
            f" rows = (SELECT count(*) FROM {name}), bytes = pg_total_relation_size('{name}')"
            " WHERE day = %s AND sealed_at IS NULL",
            [day],
        )
    return True


def detach(day: date, *, pending: bool) -> None:
    """Take the table out of the whole. An interrupted one is finished instead."""
    how = "FINALIZE" if pending else "CONCURRENTLY"
    name = tables.name_of(day)
    for _ in range(TRIES):
        try:
            with _alone() as cursor:
                cursor.execute(f"ALTER TABLE telemetry_events DETACH PARTITION {name} {how}")
            _note(day, State.DETACHED)
            return
        except OperationalError as error:
            if not isinstance(
                error.__cause__, psycopg.errors.LockNotAvailable | psycopg.errors.QueryCanceled
            ):
                raise
            # It may have come half way: then the rest is another command.
            found = tables.attached().get(day)
            if found is None:
                _note(day, State.DETACHED)
                return
            how = "FINALIZE" if found.pending else "CONCURRENTLY"
    raise Busy


def _bring_back(day: date) -> None:
    """Attach a day that was detached before somebody held it. It stays sealed."""
    name, low, high = tables.name_of(day), beginning(day), beginning(day + timedelta(days=1))
    try:
        with transaction.atomic(using=alias()), connections[alias()].cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            cursor.execute("SET LOCAL statement_timeout = '120s'")
            cursor.execute(
                f"ALTER TABLE telemetry_events ATTACH PARTITION {name}"
                f" FOR VALUES FROM ('{low.isoformat()}') TO ('{high.isoformat()}')"
            )
            cursor.execute("UPDATE telemetry_partition SET state = 'sealed' WHERE day = %s", [day])
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise
        logger.warning("the table of %s is in use; it comes back another time", day)


def drop(day: date) -> bool:
    """Drop a table that stands alone, was settled and, where that is wished, archived."""
    part = Partition.objects.filter(day=day, state=State.DETACHED).exclude(sealed_at=None).first()
    if part is None or day in tables.attached() or not archive.kept(part):
        return False
    with transaction.atomic(using=alias()), connections[alias()].cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute(f"DROP TABLE IF EXISTS {tables.name_of(day)}")
        cursor.execute(
            "UPDATE telemetry_partition SET state = 'dropped', dropped_at = clock_timestamp()"
            " WHERE day = %s",
            [day],
        )
    return True


def _note(day: date, state: str) -> None:
    with connections[alias()].cursor() as cursor:
        cursor.execute(
            "UPDATE telemetry_partition SET state = %s, sealed_at = coalesce(sealed_at,"
            " clock_timestamp()), dropped_at = CASE WHEN %s = 'dropped' THEN clock_timestamp() END"
            " WHERE day = %s",
            [state, state, day],
        )


@contextmanager
def _alone() -> Iterator[CursorWrapper]:
    """Outside of any transaction, which detaching concurrently asks for. It blocks nobody who
    writes, so it may wait longer than others."""
    with connections[alias()].cursor() as cursor:
        cursor.execute("SET lock_timeout = '5s'")
        cursor.execute("SET statement_timeout = '60s'")
        try:
            yield cursor
        finally:
            cursor.execute("RESET lock_timeout")
            cursor.execute("RESET statement_timeout")


@contextmanager
def _turn() -> Iterator[bool]:
    """For the session, since the steps are transactions of their own."""
    with connections[alias()].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        mine = bool(cursor.fetchone()[0])
        try:
            yield mine
        finally:
            if mine:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
