"""Backups taken, reported, restored for practice; and how fresh the newest one is."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
from django.db import DatabaseError, transaction
from django.db.models import Q, Value

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.backups import dumping, files, restoring
from controlplane.backups.models import BackupReport, RestoreDrill, Source
from controlplane.backups.telling import announce
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import ControlPlaneError, Invalid, NotAllowed
from controlplane.lib.redaction import redact_text

logger = logging.getLogger(__name__)

KEEP_DAYS = define("backups.keep_days", 30, unit="days", why="backups are kept 30 days")
FRESH_HOURS = define(
    "backups.fresh_hours",
    26.0,
    unit="hours",
    why="daily, and two hours for the backup itself: older than this, yesterday's is missing",
)
RPO_TARGET = define(
    "backups.rpo_target_s", 86_400.0, unit="s", why="at most a day of work may be lost"
)
RTO_TARGET = define(
    "backups.rto_target_s", 14_400.0, unit="s", why="the portal is back within four hours"
)
_FUTURE = timedelta(minutes=5)  # clocks of other machines


def run_backup(actor: Actor, *, to: Path | None = None) -> BackupReport:
    """Back up the portal's database. A failure is a report too, announced like a success."""
    if not actor.sees_all:
        raise NotAllowed("backups are taken by the portal's own job or at its terminal")
    started = clock.now()
    fields: dict[str, object]
    try:
        target = files.folder(to)
        dump, manifest = dumping.dump(started, target)
        files.remove_old(target, keep=timedelta(days=KEEP_DAYS.value), now=started)
        fields = {"ok": True, "size": manifest.size, "sha256": manifest.sha256}
        fields["location"] = str(dump)[-300:]
    except (ControlPlaneError, OSError, DatabaseError, psycopg.Error) as error:
        logger.exception("the backup failed")
        fields = {"ok": False, "error": _words(error)}
    return _report(
        actor,
        source=Source.PORTAL,
        kind="database",
        tool="pg_dump",
        started_at=started,
        finished_at=clock.now(),
        **fields,
    )


def report_backup(
    workspace: Workspace,
    *,
    actor: Actor,
    kind: str,
    ok: bool,
    started_at: datetime,
    finished_at: datetime,
    tool: str = "",
    size: int | None = None,
    sha256: str = "",
    location: str = "",
    error: str = "",
) -> BackupReport:
    """Take note of a backup made elsewhere, good or failed."""
    policy.require(actor, "backup.report", workspace)
    if finished_at < started_at:
        raise Invalid("It ended before it began.", details={"finished_at": "Before started_at."})
    if finished_at > clock.now() + _FUTURE:
        raise Invalid("It has not ended yet.", details={"finished_at": "In the future."})
    if not ok and not error.strip():
        raise Invalid("Say what failed.", details={"error": "Required when ok is false."})
    return _report(
        actor,
        workspace=workspace,
        source=Source.OUTSIDE,
        kind=kind,
        tool=tool,
        started_at=started_at,
        finished_at=finished_at,
        ok=ok,
        size=size,
        sha256=sha256.lower(),
        location=redact_text(location),
        error=redact_text(error)[:1000],
    )


def _report(actor: Actor, **fields: object) -> BackupReport:
    with transaction.atomic():
        report = BackupReport.objects.create(reported_by=str(actor)[:200], **fields)
        record(
            actor,
            "backup.report",
            report,
            outcome="done" if report.ok else "failed",
            reason=report.error,
            after={"kind": report.kind, "size": report.size, "source": str(report.source)},
        )
        announce(report)
    return report


def _words(error: Exception) -> str:
    """What failed, for people: without a password that a driver may quote."""
    return redact_text(str(error) or type(error).__name__)[:1000]


# --- Freshness ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Freshness:
    newest: BackupReport | None
    age_seconds: float | None
    fresh: bool


def freshness(workspace_id: int | None = None, *, kind: str = "database") -> Freshness:
    """The newest good backup: the portal's own, or one reported for this workspace.

    With a workspace, what it reported counts if it ever reported; else the portal's own counts.
    """
    wanted = BackupReport.objects.good().filter(kind=kind)
    newest = None
    if workspace_id is not None:
        newest = wanted.filter(workspace_id=workspace_id).order_by("-finished_at").first()
    if newest is None:
        newest = wanted.filter(workspace=None).order_by("-finished_at").first()
    if newest is None:
        return Freshness(None, None, False)
    age = (clock.now() - newest.finished_at).total_seconds()
    return Freshness(newest, age, age < FRESH_HOURS.value * 3600)


@dataclass(frozen=True, slots=True)
class Figures:
    """Recovery, as measured: what would be lost now, how long it would take to come back."""

    rpo_seconds: float | None
    rpo_target: float
    rto_seconds: float | None
    rto_target: float
    drilled_at: datetime | None


def figures() -> Figures:
    """One question for both, because every list of backups and drills stands under them."""
    good = BackupReport.objects.good().filter(kind="database", workspace=None)
    backup = good.order_by("-finished_at").values_list(Value(""), "started_at", Value(0.0))[:1]
    practised = RestoreDrill.objects.filter(ok=True).order_by("-id")
    drill = practised.values_list(Value("drill"), "started_at", "seconds")[:1]
    found = {what: (at, seconds) for what, at, seconds in backup.union(drill, all=True)}
    # From the start: what is written while a dump runs is not in it.
    rpo = (clock.now() - found[""][0]).total_seconds() if "" in found else None
    drilled_at, rto = found.get("drill", (None, None))
    return Figures(
        rpo_seconds=rpo,
        rpo_target=RPO_TARGET.value,
        rto_seconds=rto,
        rto_target=RTO_TARGET.value,
        drilled_at=drilled_at,
    )


# --- Drill --------------------------------------------------------------------------------------


def drill(actor: Actor, *, dump: Path | None = None) -> RestoreDrill:
    """Restore the newest backup into a scratch database, compare, prove, throw it away."""
    if not actor.sees_all:
        raise NotAllowed("restores are practised by the portal's own job or at its terminal")
    started, watch = clock.now(), time.monotonic()
    found: restoring.Restored | None = None
    try:
        chosen = dump or next(files.dumps(files.folder()), None)
        if chosen is None:
            raise Invalid("There is no backup to restore.")
        restoring.sweep()
        with restoring.scratch() as where:
            found = restoring.restore_into(chosen, where)
            seconds = time.monotonic() - watch
        error = found.fault
    except (ControlPlaneError, OSError, DatabaseError, psycopg.Error) as failure:
        logger.exception("the restore drill failed")
        error, seconds = _words(failure), time.monotonic() - watch
    return _note_drill(actor, found, started, seconds, error)


def _note_drill(
    actor: Actor, found: restoring.Restored | None, started: datetime, seconds: float, error: str
) -> RestoreDrill:
    report, age = None, None
    if found is not None:
        report = BackupReport.objects.filter(sha256=found.manifest.sha256).first()
        taken = datetime.fromisoformat(found.manifest.taken_at)
        age = (started - taken).total_seconds()
    with transaction.atomic():
        row = RestoreDrill.objects.create(
            report=report,
            started_at=started,
            seconds=seconds,
            ok=not error,
            error=error[:1000],
            tables=len(found.manifest.tables) if found else 0,
            rows=found.rows if found else 0,
            differences=found.differences if found else {},
            data_age_seconds=age,
        )
        record(
            actor,
            "backup.drill",
            row,
            outcome="failed" if error else "done",
            reason=error,
            details={"seconds": round(seconds, 3), "rows": row.rows, "tables": row.tables},
        )
        announce(row)
    return row


def reports_of(workspace_id: int) -> Q:
    """Reports that concern a workspace: its own, and those of the database it lives in."""
    return Q(workspace_id=workspace_id) | Q(workspace=None)
