"""Announcing backups and drills, good and failed, to those who keep the data."""

from __future__ import annotations

from collections.abc import Iterable

from controlplane.access.models import Workspace
from controlplane.backups.models import BackupReport, RestoreDrill
from controlplane.notify import wording
from controlplane.notify.models import Urgency
from controlplane.notify.services.news import To, notify

ROLES = ("database_lead", "sre_liaison")

wording.register(
    "backup.done",
    "A backup succeeded",
    subject="Backup done: {kind}",
    body="{what} of {when} UTC is good: {detail}.",
)
wording.register(
    "backup.failed",
    "A backup or a restore drill failed",
    subject="Backup failed: {kind}",
    body="{what} of {when} UTC failed: {detail}\n\nWithout a good backup for 26 hours this is an"
    " alarm. `manage.py backup` takes one now.",
)
wording.register(
    "backup.drilled",
    "A restore drill succeeded",
    subject="Restore drill passed in {seconds} s",
    body="{what} of {when} UTC restored {detail}.",
)


def announce(row: BackupReport | RestoreDrill) -> None:
    """In the transaction of the row. Keyed by it, so that nothing is told twice."""
    kind, values = _told(row)
    for workspace_id in _workspaces(row):
        notify(
            workspace_id=workspace_id,
            kind=kind,
            # Failures also go to the workspace's channels; successes stay in the inbox.
            to=To(roles=ROLES, channels=() if row.ok else None),
            key=f"backup:{row.uid}",
            values=values,
            urgency=Urgency.NORMAL,
            about=f"{row._meta.label_lower}:{row.pk}",
        )


def _told(row: BackupReport | RestoreDrill) -> tuple[str, dict[str, object]]:
    if isinstance(row, RestoreDrill):
        values: dict[str, object] = {
            "what": "The restore drill",
            "kind": "restore drill",
            "when": f"{row.started_at:%Y-%m-%d %H:%M}",
            "detail": row.error or f"{row.rows:,} rows in {row.tables} tables",
            "seconds": f"{row.seconds:.1f}",
        }
        return ("backup.drilled" if row.ok else "backup.failed"), values
    size = f"{row.size:,} bytes" if row.size is not None else "size not told"
    return ("backup.done" if row.ok else "backup.failed"), {
        "what": f"The {row.kind} backup",
        "kind": row.kind,
        "when": f"{row.finished_at:%Y-%m-%d %H:%M}",
        "detail": row.error or size,
        "seconds": f"{(row.finished_at - row.started_at).total_seconds():.1f}",
    }


def _workspaces(row: BackupReport | RestoreDrill) -> Iterable[int]:
    """One workspace's own backup concerns it alone, the portal's own concerns all."""
    if isinstance(row, BackupReport) and row.workspace_id is not None:
        return [row.workspace_id]
    return Workspace.objects.filter(archived_at=None).values_list("pk", flat=True)
