"""An audit on somebody's word: at once where that takes seconds, else as the job's own run."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Sum

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.jobs import nudges, runs
from controlplane.jobs.models import JobRun, ScheduledJob
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid
from telemetry.audits.running import CHECK_WINDOW, SPOT_WINDOW, audit
from telemetry.models import AuditRun, RollupHour

AT_ONCE = define(
    "telemetry.audit_at_once",
    100_000,
    unit="events",
    why="an audit of as many takes ten seconds; whoever pressed a button waits no longer",
)
JOB = "telemetry.audit"


def audit_now(
    workspace: Workspace,
    *,
    actor: Actor,
    mode: str = "check",
    since: datetime | None = None,
) -> AuditRun | JobRun:
    """The run, or the run of the weekly job that was begun instead: that one asks the same of
    the usual stretch of time, tells how far it is, and may take an hour."""
    policy.require(actor, "telemetry.audit", workspace)
    if about(workspace, mode, since) <= AT_ONCE.value:
        return audit(workspace, actor=actor, mode=mode, since=since)
    # The job audits every workspace: that is for whoever may change what all share.
    may = policy.can(actor, "job.manage", ScheduledJob(name=JOB))
    if mode != AuditRun.Mode.CHECK or since is not None or not may:
        raise _too_many()
    run = runs.ask_run(JOB, actor=actor)
    nudges.after_commit()
    return run


def require_short(workspace: Workspace, mode: str, since: datetime | None) -> None:
    """For doors that answer with the run itself: there are few who answer, and one that reads
    millions of events keeps the others waiting."""
    if about(workspace, mode, since) > AT_ONCE.value:
        raise _too_many()


def _too_many() -> Invalid:
    return Invalid(
        "That stretch holds more events than a page waits for. Ask for a shorter one, or use"
        " the terminal: manage.py audit_telemetry --since.",
        details={"since": "Too many events."},
    )


def about(workspace: Workspace, mode: str, since: datetime | None) -> int:
    """How many events it would look at, by the sums of hours."""
    start = since or clock.now() - (SPOT_WINDOW if mode == AuditRun.Mode.SPOT else CHECK_WINDOW)
    hour = start.replace(minute=0, second=0, microsecond=0)
    rows = RollupHour.objects.of(workspace.pk).filter(bucket__gte=hour).order_by()
    total = rows.aggregate(total=Sum("total"))["total"]
    return int(total or 0)
