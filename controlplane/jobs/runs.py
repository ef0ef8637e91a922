"""From schedule to run: which jobs are due, who runs them, what is left behind.

Beat knows nothing of jobs: it only ticks. The tick makes a `JobRun` for each due time (a row lock
and two unique constraints make it one, however many beats tick) and hands it to a worker as its
own Celery task, with the job's own time limit. A run whose message is lost, or whose worker was
killed, is an open row: the next sweep sends it again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from controlplane.access import policy
from controlplane.audit import services as audit
from controlplane.jobs import leases, progress
from controlplane.jobs.models import JobRun, ScheduledJob
from controlplane.jobs.registry import JOBS, Job
from controlplane.lib import clock, context, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotFound

logger = logging.getLogger(__name__)

RESEND = defaults.define(
    "jobs.resend_s", 30.0, unit="seconds", why="A run nobody took is sent to the workers again."
)
# Hands a run to whoever executes it: a Celery message, or a direct call without a broker.
Send = Callable[[JobRun], None]
_sender: ContextVar[Send | None] = ContextVar("controlplane_job_sender", default=None)


@contextmanager
def sent_by(send: Send) -> Iterator[None]:
    """Hand runs out this way instead of by message, for the duration of the block."""
    token = _sender.set(send)
    try:
        yield
    finally:
        _sender.reset(token)


def sender(usual: Send) -> Send:
    return _sender.get() or usual


def schedule_due(now: datetime | None = None) -> list[JobRun]:
    """Make the runs that are due. Each due time makes one run, in whichever process looks first."""
    _adopt()
    made: list[JobRun] = []
    for name in ScheduledJob.objects.filter(
        enabled=True, next_run_at__lte=now or Now(), name__in=JOBS
    ).values_list("name", flat=True):
        run = _schedule_one(name, now)
        if run is not None:
            made.append(run)
    return made


def _adopt() -> None:
    """Rows for jobs the code has and the table not yet, and for schedules the code changed."""
    known = dict(ScheduledJob.objects.values_list("name", "schedule"))
    for job in JOBS.values():
        if known.get(job.name) == str(job.schedule):
            continue
        now = clock.now()
        ScheduledJob.objects.bulk_create(
            [
                ScheduledJob(
                    name=job.name,
                    schedule=str(job.schedule),
                    next_run_at=job.schedule.after(now, now),
                )
            ],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=["schedule", "next_run_at"],
        )


def _schedule_one(name: str, now: datetime | None) -> JobRun | None:
    with transaction.atomic():
        row = (
            ScheduledJob.objects.select_for_update(skip_locked=True)
            .filter(name=name, enabled=True, next_run_at__lte=now or Now())
            .first()
        )
        if row is None:
            return None
        due_at = row.next_run_at
        ScheduledJob.objects.filter(pk=row.pk).update(
            next_run_at=JOBS[name].schedule.after(due_at, now or clock.now())
        )
        return _open_run(JOBS[name], due_at, asked_by="schedule")


def _open_run(job: Job, due_at: datetime, *, asked_by: str) -> JobRun | None:
    """None when this due time has its run, or an earlier run of the job is still open."""
    JobRun.objects.bulk_create(
        [JobRun(name=job.name, due_at=due_at, asked_by=asked_by, max_attempts=job.attempts)],
        ignore_conflicts=True,
    )
    return JobRun.objects.filter(
        name=job.name, due_at=due_at, asked_by=asked_by, state=leases.WAITING, attempts=0
    ).first()


def send_waiting(send: Send) -> int:
    """Hand out runs nobody has taken: new ones, lost messages, vanished workers. The stamp is
    set first, by compare-and-set, so that two sweeps do not both send."""
    sent = 0
    stale = Q(sent_at=None) | Q(sent_at__lt=Now() - timedelta(seconds=RESEND.value))
    waiting = JobRun.objects.filter(stale, state__in=leases.OPEN, ready_at__lte=Now())
    for run in waiting.filter(name__in=JOBS).order_by("ready_at", "pk")[:50]:
        if waiting.filter(pk=run.pk).update(sent_at=Now()):
            try:
                send(run)
            except Exception as error:  # noqa: BLE001  (the broker is away: the sweep comes again)
                logger.warning("job %s could not be sent: %s", run.name, error)
                return sent
            sent += 1
    return sent


def execute(run_id: int, *, instance: str = "") -> JobRun | None:
    """Run one row's job here and now. None when somebody else has it or it is over."""
    run = leases.claim_one(JobRun.objects.filter(pk=run_id), lease_seconds=_lease_of(run_id))
    if run is None:
        return None
    JobRun.objects.filter(pk=run.pk).update(instance=instance)
    if run.cancel_requested_at is not None:  # asked while its worker died or its try failed
        progress.cancelled(run)
        return run
    started = time.monotonic()
    ids = {**context.resumed(context.current().correlation_id), "source": "job"}
    try:
        with context.bind(**ids), progress.reporting(run):
            counts = _counts(JOBS[run.name].function())
    except progress.Cancelled:
        logger.info("job %s stopped, as somebody asked", run.name)
        progress.cancelled(run, duration_ms=_ms(started))
        return run
    except Exception as error:
        logger.exception("job %s failed", run.name)
        leases.fail(run, error)
        JobRun.objects.filter(pk=run.pk).update(sent_at=None, duration_ms=_ms(started))
        ScheduledJob.objects.filter(name=run.name).update(last_failed_at=Now())
        return run
    _succeeded(run, counts, _ms(started))
    return run


def _lease_of(run_id: int) -> float:
    name = JobRun.objects.filter(pk=run_id).values_list("name", flat=True).first()
    return JOBS[name].lease_seconds if name in JOBS else 60.0


def _succeeded(run: JobRun, counts: dict[str, Any], duration_ms: int) -> None:
    try:
        with transaction.atomic():
            ScheduledJob.objects.filter(name=run.name).update(last_ok_at=Now())
            leases.finish(run, counts=counts, duration_ms=duration_ms)
    except leases.LeaseLost:
        logger.warning("job %s finished after its lease; its next holder decides", run.name)


def _ms(started: float) -> int:
    return int((time.monotonic() - started) * 1000)


def _counts(result: Mapping[str, Any] | None) -> dict[str, Any]:
    return {} if result is None else dict(result)


def ask_run(name: str, *, actor: Actor) -> JobRun:
    """Run a job now, on somebody's word. The run stands in the history with their name."""
    if name not in JOBS:
        raise NotFound(f"There is no job {name}.")
    with transaction.atomic():
        row, _ = ScheduledJob.objects.get_or_create(
            name=name,
            defaults={"schedule": str(JOBS[name].schedule), "next_run_at": clock.now()},
        )
        policy.require(actor, "job.manage", row)
        run = _open_run(JOBS[name], clock.now(), asked_by=actor.label or actor.ref)
        if run is None:
            raise Conflict(f"{name} is waiting or running already.")
        audit.record(actor, "job.run", row, details={"run": str(run.uid)})
    return run


def set_enabled(job: ScheduledJob, enabled: bool, *, actor: Actor, reason: str) -> ScheduledJob:
    """Switch a job's schedule off or on. A job that is off is silent, and the watch says so."""
    with transaction.atomic():
        row = ScheduledJob.objects.select_for_update().get(pk=job.pk)
        policy.require(actor, "job.manage", row)
        before = row.enabled
        ScheduledJob.objects.filter(pk=row.pk).update(enabled=enabled)
        row.enabled = enabled
        audit.record(
            actor,
            "job.manage",
            row,
            before={"enabled": before},
            after={"enabled": enabled},
            reason=reason,
        )
    return row
