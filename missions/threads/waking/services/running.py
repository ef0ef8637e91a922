"""Commands that were started to wake somebody: within the limits, followed to their end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.base.states import advance
from controlplane.jobs import leases
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.lib.given import line
from missions.threads import numbers
from missions.threads.models import RuntimeSession, WakeAttempt, WakeRun, WakeTrigger
from missions.threads.services.common import PORTAL
from missions.threads.waking import due, hosts
from missions.threads.waking.services.settling import Held, begin

KILLED = "KILLED_BY_OPERATOR"


@transaction.atomic
def begin_run(
    row: WakeTrigger, path: str, session: RuntimeSession | None, argv: list[str], *,
    supervisor: str, code: str = "",
) -> tuple[WakeAttempt, WakeRun]:  # fmt: skip
    """Use up one try and one of the places. Full: it waits, and that is no try."""
    due.lock(due.RUNS)
    running = WakeRun.objects.running()
    if running.count() >= numbers.RUNS_MOST.value:
        raise Held("RUNS_FULL", numbers.RECHECK_SECONDS.value)
    if running.filter(agent_id=row.agent_id).count() >= numbers.RUNS_PER_AGENT.value:
        raise Held("RUNS_OF_AGENT_FULL", numbers.RECHECK_SECONDS.value)
    attempt = begin(row, path, session, "command", supervisor=supervisor, code=code)
    run: WakeRun = WakeRun.objects.create(
        workspace_id=row.workspace_id,
        trigger=row,
        agent_id=row.agent_id,
        path=path,
        argv=[part[:500] for part in argv],
        host=hosts.host(),
        supervisor=supervisor[:120],
        deadline_at=Now() + timedelta(minutes=numbers.RUN_MINUTES.value),
        started_at=Now(),
    )
    run.refresh_from_db()
    return attempt, run


def note_process(run: WakeRun, pid: int) -> None:
    WakeRun.objects.filter(pk=run.pk).update(pid=pid, process_started=hosts.started(pid))


@transaction.atomic
def end_run(
    run: WakeRun, status: str, *, exit_code: int | None = None, output: str = "", reason: str = ""
) -> bool:
    """It ended. Of two who say so the first is right. Its wake is looked at again at once."""
    row: WakeRun = WakeRun.objects.select_for_update().get(pk=run.pk)
    changes: dict[str, Any] = {"exit_code": exit_code, "output": output, "ended_at": clock.now()}
    try:
        advance(row, status, actor=PORTAL, reason=reason, changes=changes)
    except (InvalidTransition, Conflict):
        return False
    _let_go_on(row)
    return True


def _let_go_on(run: WakeRun) -> None:
    waiting = WakeTrigger.objects.filter(
        pk=run.trigger_id, state=leases.WAITING, sent_at__isnull=False
    )
    if waiting.update(ready_at=Now()):
        due.notify()


@transaction.atomic
def look_if_ended(run: WakeRun) -> None:
    """It may have ended before its wake was given back: whoever said so found nobody waiting."""
    row: WakeRun = WakeRun.objects.select_for_update().get(pk=run.pk)
    if row.status != WakeRun.Status.RUNNING:
        _let_go_on(row)


@transaction.atomic
def kill_run(run: WakeRun, *, actor: Actor, reason: str) -> WakeRun:
    """Ask that it be ended, and that nobody is woken for it over again: its supervisor hears of it
    at once."""
    policy.require(actor, "thread.kill", run)
    why = line("reason", reason, numbers.REASON_MAX, required=True)
    row: WakeRun = WakeRun.objects.select_for_update().get(pk=run.pk)
    if row.status != WakeRun.Status.RUNNING:
        raise Conflict("It has ended already.", details={"status": row.status})
    if row.kill_asked_at is None:
        WakeRun.objects.filter(pk=row.pk).update(
            kill_asked_at=clock.now(), kill_asked_by=actor.ref[:80], version=F("version") + 1
        )
    WakeTrigger.objects.filter(pk=row.trigger_id, state__in=leases.OPEN).update(
        state=leases.CANCELLED, lease_token=None, status="cancelled", error_code=KILLED,
        finished_at=Now(), version=F("version") + 1,
    )  # fmt: skip
    record(actor, "thread.kill", row, reason=why, details={"agent": str(row.agent)})
    due.notify()
    row.refresh_from_db()
    return row
