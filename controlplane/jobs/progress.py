"""How far a long job is, and the way to stop it.

    from controlplane.jobs import progress

    for number, item in enumerate(items):
        progress.step(number, len(items), item.name)    # free outside a run; may raise Cancelled
        ...

A job runs inside transactions of its own: what it writes there is seen when it is over, is undone
when it fails, and cannot be written at all while it reads one snapshot. So progress goes over a
connection of its own, outside of any pool, opened at the first step and closed with the run. It
writes at most once a second and never breaks a job: a report that can't be made is dropped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from controlplane.access import policy
from controlplane.audit import services as audit
from controlplane.jobs import leases
from controlplane.jobs.models import JobRun
from controlplane.lib import actors, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict

logger = logging.getLogger(__name__)

EVERY = defaults.define(
    "jobs.progress_s",
    1.0,
    unit="seconds",
    why="A step is written, and a wish to stop seen, so often.",
)
_NOTE = 200
# A row lock that somebody holds is no reason to wait: the next step reports.
_GUARDS = "SET lock_timeout = 500; SET statement_timeout = 2000"
_REPORT = (
    "UPDATE jobs_jobrun SET progress_done = %s, progress_total = %s, progress_note = %s,"
    " progress_at = statement_timestamp() WHERE id = %s AND state = 'leased' AND lease_token = %s"
    " RETURNING cancel_requested_at IS NOT NULL"
)


class Cancelled(BaseException):
    """Somebody asked this run to stop. Not an `Exception`, so that a job that goes on past the
    failure of one item does not go on past this; transactions roll back all the same."""


@dataclass(slots=True)
class _Running:
    run: JobRun
    next_at: float  # the first report too: short jobs, which are most, need no connection for it
    own: Any = None


_running: ContextVar[_Running | None] = ContextVar("controlplane_job_progress", default=None)


@contextmanager
def reporting(run: JobRun) -> Iterator[None]:
    """Steps made inside the block belong to this run."""
    state = _Running(run, time.monotonic() + EVERY.value)
    token = _running.set(state)
    try:
        yield
    finally:
        _running.reset(token)
        if state.own is not None:
            state.own.close()


def step(done: int, total: int | None = None, note: str = "") -> None:
    """So much is done, of so much if that is known. Raises `Cancelled` when somebody asked.

    Call it as often as convenient, at a place where stopping leaves nothing half done.
    """
    state = _running.get()
    if state is None or time.monotonic() < state.next_at:
        return
    state.next_at = time.monotonic() + EVERY.value
    if _report(state, done, total, note):
        raise Cancelled(state.run.name)


def _report(state: _Running, done: int, total: int | None, note: str) -> bool:
    """True when the run shall stop. A lease that is lost is for the run's end to find out."""
    run = state.run
    try:
        if state.own is None:
            state.own = _connect()
        with state.own.cursor() as cursor:
            values = [max(done, 0), total, note[:_NOTE], run.pk, run.lease_token]
            cursor.execute(_REPORT, values)
            row = cursor.fetchone()
    except DatabaseError as error:
        logger.warning("progress of job %s was not written: %s", run.name, error)
        _drop(state)
        return False
    return bool(row and row[0])


def _connect() -> Any:
    own: Any = connection.copy()
    # Not from the pool: a worker whose pool is its job's alone would wait for itself.
    own.settings_dict["OPTIONS"] = {
        name: value for name, value in own.settings_dict["OPTIONS"].items() if name != "pool"
    }
    with own.cursor() as cursor:
        cursor.execute(_GUARDS)
    return own


def _drop(state: _Running) -> None:
    own, state.own = state.own, None
    try:
        if own is not None:
            own.close()
    except DatabaseError:
        logger.info("a connection that reported progress was gone already")


# --- Stopping -----------------------------------------------------------------------------------


def ask_cancel(run: JobRun, *, actor: Actor, reason: str = "") -> JobRun:
    """Stop a run: at once while nobody works on it, else at its next step. A job that reports no
    steps runs to its end, and the wish only keeps it from being tried again."""
    with transaction.atomic():
        row = JobRun.objects.select_for_update().get(pk=run.pk)
        policy.require(actor, "job.manage", row)
        if row.state not in leases.OPEN:
            raise Conflict(f"This run is {row.get_state_display().lower()} already.")
        if row.cancel_requested_at is not None:
            raise Conflict("It has been asked to stop already.")
        before = row.state
        rows = JobRun.objects.filter(pk=row.pk)
        rows.update(cancel_requested_at=Now(), cancel_requested_by=actor.label or actor.ref)
        if row.state == leases.WAITING:
            rows.update(state=leases.CANCELLED, lease_token=None, finished_at=Now())
        row.refresh_from_db()
        audit.record(
            actor,
            "job.cancel",
            row,
            before={"state": before},
            after={"state": row.state},
            reason=reason,
            details={"name": row.name},
        )
    return row


def cancelled(run: JobRun, *, duration_ms: int | None = None) -> bool:
    """Settle a run that stopped because it was asked to. False when it is somebody else's now."""
    with transaction.atomic():
        done = leases.held(run).update(
            state=leases.CANCELLED,
            lease_token=None,
            finished_at=Now(),
            last_error="",
            duration_ms=duration_ms,
        )
        if not done:
            return False
        run.refresh_from_db()
        audit.record(
            actors.job(run.name),
            "job.cancel",
            run,
            before={"state": leases.LEASED},
            after={"state": leases.CANCELLED},
            reason=f"{run.cancel_requested_by} asked it to stop",
            details={"done": run.progress_done, "total": run.progress_total},
        )
    return True
