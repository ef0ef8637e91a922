"""The check by itself: often of what executes, weekly of all that is under way."""

from __future__ import annotations

import logging
from datetime import timedelta

from controlplane.access.models import Workspace
from controlplane.jobs import obligations, progress
from controlplane.jobs.registry import job
from controlplane.lib.actors import job as job_actor
from missions.governance.running import answer_asked, check
from missions.models import GovernanceFinding, GovernanceRun, Mission

logger = logging.getLogger(__name__)
ACTOR = job_actor("missions.governance")
obligations.register(
    "missions.weekly_governance",
    title="Read and sign the weekly governance check",
    owner_role="telemetry_analyst",
    cadence="weekly",
    evidence="The signed check: what it found, and who works on it.",
    why="Each finding is known by name before the next week's work builds on it.",
)


@job(
    "missions.governance",
    every=timedelta(minutes=15),
    time_limit=600,
    doc="Check missions that execute.",
)
def executing() -> dict[str, int]:
    """Of workspaces in which something executes, or an open finding may be mended."""
    busy = set(Mission.objects.in_stage("execute_observe").values_list("workspace_id", flat=True))
    open_rows = GovernanceFinding.objects.filter(status="open")
    busy |= set(open_rows.values_list("workspace_id", flat=True))
    return _each(sorted(busy), "executing")


@job("missions.governance_weekly", at="0 6 * * 1", time_limit=3_600, doc="Check all missions.")
def weekly() -> dict[str, int]:
    """Monday before work begins, with what is asked of each workspace as a whole."""
    rows = Workspace.objects.filter(archived_at=None).order_by("pk")
    return _each(list(rows.values_list("pk", flat=True)), "active")


@job(
    "missions.governance_asked",
    every=timedelta(minutes=1),
    time_limit=600,
    doc="Answer the governance checks that somebody asked for.",
)
def asked() -> dict[str, int]:
    """Those that were asked for while it looked are for the next minute."""
    rows = GovernanceRun.objects.filter(result=GovernanceRun.Result.ASKED)
    runs = list(rows.select_related("workspace").order_by("pk"))
    answered = 0
    for number, run in enumerate(runs):
        progress.step(number, len(runs), run.workspace.slug)
        answered += answer_asked(run, actor=ACTOR)
    return {"asked": len(runs), "answered": answered}


def _each(ids: list[int], scope: str) -> dict[str, int]:
    rows = Workspace.objects.filter(pk__in=ids, archived_at=None).order_by("pk")
    workspaces, found, failed = list(rows), 0, 0
    for number, workspace in enumerate(workspaces):
        progress.step(number, len(workspaces), workspace.slug)
        try:
            run = check(workspace, actor=ACTOR, scope=scope)
        except Exception:
            # The others are checked all the same.
            logger.exception("no governance check of workspace %s", workspace.uid)
            failed += 1
            continue
        found += run.found
        failed += run.result == run.Result.FAILED
    return {"workspaces": len(workspaces), "found": found, "failed": failed}
