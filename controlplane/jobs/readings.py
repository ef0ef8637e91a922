"""The portal's own rows as metrics: engine, queues, jobs, signs of life, findings."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from django.db.models import F
from django.db.models.functions import Now

from controlplane.jobs import broker, engine, heartbeats, leases
from controlplane.jobs.measures import Values, reading
from controlplane.jobs.models import EngineCycle, JobRun, ObligationRecord, ScheduledJob, WatchAlarm
from controlplane.jobs.registry import JOBS
from controlplane.lib import clock


def _backlog(part: str) -> Iterator[tuple[tuple[str, ...], float]]:
    for name, model in engine.leased_tables().items():
        yield (name,), leases.backlog(model)[part]


reading("controlplane_rows_due", "Due rows not yet done (counted to 10,001).", ["module"])(
    partial(_backlog, "due")
)
reading("controlplane_rows_dead", "Rows given up (counted to 10,001).", ["module"])(
    partial(_backlog, "dead")
)
reading("controlplane_rows_lag_seconds", "How long the oldest due row waits.", ["module"])(
    partial(_backlog, "lag_s")
)


@reading("controlplane_queue_depth", "Messages in the broker's queue.", ["queue"])
def queue_depth() -> Values:
    return [((name,), float(depth)) for name, depth in broker.queue_depths().items()]


@reading("controlplane_heartbeat_age_seconds", "Since the last sign of life.", ["component"])
def heartbeat_age() -> Values:
    return [((name,), age) for name, age in heartbeats.ages().items()]


@reading("controlplane_engine_module_age_seconds", "Since a module last ran well.", ["module"])
def module_age() -> Values:
    for cycle in EngineCycle.objects.exclude(ok_at=None).annotate(age=Now() - F("ok_at")):
        yield (cycle.module,), cycle.age.total_seconds()


@reading("controlplane_job_success_age_seconds", "Since a job last succeeded.", ["job"])
def job_age() -> Values:
    now = clock.now()
    for row in ScheduledJob.objects.filter(name__in=JOBS):
        yield (row.name,), (now - (row.last_ok_at or row.first_seen_at)).total_seconds()


@reading("controlplane_job_runs_open", "Job runs waiting or running.")
def runs_open() -> Values:
    return [((), float(JobRun.objects.filter(state__in=leases.OPEN)[:10_001].count()))]


@reading("controlplane_watch_alarms_open", "Open alarms about the portal itself.", ["critical"])
def alarms_open() -> Values:
    alarms = WatchAlarm.objects.open()
    return [
        (("yes",), float(alarms.filter(critical=True).count())),
        (("no",), float(alarms.filter(critical=False).count())),
    ]


@reading("controlplane_obligations_overdue", "Recurring obligations past their due time.")
def obligations_overdue() -> Values:
    return [((), float(ObligationRecord.objects.overdue()[:10_001].count()))]
