"""A snapshot of each workspace and day."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from controlplane.access.models import Workspace
from controlplane.jobs.registry import job
from controlplane.lib import actors, clock
from telemetry.models import RollupDay
from telemetry.snapshots.services import midnight, take_day

logger = logging.getLogger(__name__)
CAUGHT_UP = 3  # days that are made good after the job was away


@job(
    "telemetry.snapshots",
    at="00:40",
    time_limit=900,
    doc="Keep yesterday's health figures of every workspace.",
)
def snapshots() -> dict[str, int]:
    """Late enough that what came in around midnight is summed up. A workspace of which nothing
    was told on a day has no snapshot of it."""
    actor = actors.job("telemetry.snapshots")
    today = clock.now().date()
    counts = {"taken": 0, "failed": 0}
    workspaces = Workspace.objects.filter(archived_at=None).order_by("pk")
    for back in range(CAUGHT_UP, 0, -1):
        day = today - timedelta(days=back)
        for workspace in workspaces.iterator():
            start = midnight(day)
            if not _told(workspace.pk, start):
                continue
            try:
                counts["taken"] += take_day(workspace, day, actor=actor) is not None
            except Exception:
                # One workspace's trouble must not cost the others their record.
                logger.exception("no snapshot of workspace %s on %s", workspace.uid, day)
                counts["failed"] += 1
    return counts


def _told(workspace_id: int, start: datetime) -> bool:
    return RollupDay.objects.of(workspace_id).filter(bucket=start).exists()
