"""Maintenance windows, for the board and the calendar."""

from __future__ import annotations

from datetime import datetime

from controlplane.access.models import Workspace
from deployments.maintenance import links
from deployments.models import MaintenanceWindow
from deployments.overview.entries import MOST, Asked, Entry, provide


@provide("window", "Maintenance", "maintenance.view", blocks=True)
def windows(asked: Asked) -> list[Entry]:
    rows = MaintenanceWindow.objects.of(asked.workspace).within(asked.start, asked.end)
    if asked.environment is not None:
        rows = rows.filter(environment=asked.environment)
    rows = rows.select_related("environment").order_by("-starts_at", "-pk")
    return [_window(row, asked.now) for row in rows[: MOST + 1]]


def _window(row: MaintenanceWindow, now: datetime) -> Entry:
    """As planned until it begins; then as it goes. One that lasts past its time lasts still."""
    starts = row.started_at or row.starts_at
    lasting = row.status == MaintenanceWindow.Status.IN_PROGRESS
    ends = max(row.ends_at, now) if lasting else row.finished_at or row.ends_at
    return Entry(
        kind="window",
        key=str(row.uid),
        starts=starts,
        ends=max(ends, starts),
        title=row.title,
        url=links.window(row),
        ref=row.ref,
        state=row.status,
        words=row.get_status_display(),
        environments=(row.environment.slug,),
        planned=row.started_at is None,
        lasting=lasting,
        text=f"{row.get_kind_display()} maintenance in {row.environment.name}.",
    )


def now_and_next(
    workspace: Workspace, at: datetime
) -> tuple[list[MaintenanceWindow], list[MaintenanceWindow]]:
    """Those whose time it is, and those to come, the nearest first."""
    rows = MaintenanceWindow.objects.of(workspace).order_by("starts_at", "pk")
    now = list(rows.at(at)[:MOST])
    coming = rows.holding().filter(started_at=None, starts_at__gt=at)
    return now, list(coming[:MOST])
