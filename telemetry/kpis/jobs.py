"""Key figures are computed every hour."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta

from controlplane.access.models import Workspace
from controlplane.jobs.registry import job
from controlplane.lib.actors import job as job_actor
from telemetry.kpis.rows import refresh

logger = logging.getLogger(__name__)
ACTOR = job_actor("telemetry.kpis")


@job("telemetry.kpis", every=timedelta(hours=1), time_limit=900, doc="Compute key figures.")
def compute() -> dict[str, int]:
    counts: Counter[str] = Counter()
    for workspace in Workspace.objects.filter(archived_at=None).order_by("pk"):
        try:
            counts.update(refresh(workspace, actor=ACTOR))
        except Exception:
            # One workspace's trouble must not cost the others their figures.
            logger.exception("no key figures of workspace %s", workspace.uid)
            counts["workspaces_failed"] += 1
    return dict(counts)
