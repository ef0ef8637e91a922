"""The weekly audit of every workspace."""

from __future__ import annotations

import logging

from controlplane.access.models import Workspace
from controlplane.jobs import progress
from controlplane.jobs.registry import job
from controlplane.lib.actors import job as job_actor
from telemetry.audits.running import audit

logger = logging.getLogger(__name__)
ACTOR = job_actor("telemetry.audit")


@job("telemetry.audit", at="0 6 * * 1", time_limit=3_600, doc="Audit a week of telemetry.")
def weekly() -> dict[str, int]:
    """Monday before work begins."""
    workspaces = list(Workspace.objects.filter(archived_at=None).order_by("pk"))
    found = failed = 0
    for number, workspace in enumerate(workspaces):
        progress.step(number, len(workspaces), workspace.slug)
        try:
            run = audit(workspace, actor=ACTOR)
        except Exception:
            # The others are audited all the same.
            logger.exception("no audit of workspace %s", workspace.uid)
            failed += 1
            continue
        found += run.gaps
        failed += run.result == run.Result.FAILED
    return {"workspaces": len(workspaces), "gaps": found, "failed": failed}
