"""The daily backup, the weekly drill, and the alarm when neither is heard of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection

from controlplane.backups import services
from controlplane.jobs import obligations, watch
from controlplane.jobs.registry import job
from controlplane.lib import actors


@job("backups.daily", at="01:30", time_limit=3600, doc="Back up the portal's database.")
def daily_backup() -> dict[str, int]:
    report = services.run_backup(actors.job("backups.daily"))
    if not report.ok:
        raise RuntimeError(f"the backup failed: {report.error}")
    return {"bytes": report.size or 0}


@job(
    "backups.drill",
    at="0 4 * * 0",
    time_limit=3600,
    attempts=1,
    doc="Restore the newest backup into a scratch database and compare.",
)
def weekly_drill() -> dict[str, int]:
    done = services.drill(actors.job("backups.drill"))
    if not done.ok:
        raise RuntimeError(f"the restore drill failed: {done.error}")
    return {"tables": done.tables, "rows": done.rows, "seconds": round(done.seconds)}


obligations.register(
    "backups.recovery_review",
    title="Review recovery: time to come back, work that may be lost",
    owner_role="database_lead",
    cadence="quarterly",
    evidence="The newest good restore drill, its time within 4 h and its data younger than 24 h;"
    " what was changed where it was not.",
    why="That all is back within four hours, less a day at most, is a promise to be shown.",
)


@watch.probe("backups.freshness")
def stale_backup() -> Iterator[watch.Finding]:
    """Not critical: the portal serves, but a disaster now would cost more than a day."""
    state = services.freshness()
    if state.fresh or not _old_enough():
        return
    if state.age_seconds is None:
        message = "There is no good backup of the database yet."
    else:
        message = f"The newest good backup is {state.age_seconds / 3600:.0f} hours old."
    yield watch.Finding("backup", "database", message, critical=False)


def _old_enough() -> bool:
    """A portal younger than the limit has had no night to back itself up in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now() - min(applied) FROM django_migrations")
        age: timedelta = cursor.fetchone()[0]
    return age > timedelta(hours=services.FRESH_HOURS.value)
