"""A check, from its questions to its record."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.base.registries import audit_rules
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError, Invalid
from controlplane.work.models.followed import Followed
from controlplane.work.services import followed, graph
from missions.governance.kinds import BOOK, WHOLE
from missions.governance.looking import Report, look
from missions.models import GovernanceFinding, GovernanceRun, Mission
from missions.services import reading
from missions.services.noting import PORTAL
from telemetry.ingest.accepting import report as report_events

logger = logging.getLogger(__name__)
MOST = defaults.define(
    "missions.governance_most",
    2_000,
    unit="missions",
    why="looked at in one check, the newest first; a check says so when there were more",
)
TABLE = 300  # missions whose marks a run keeps for its table; of the others what was found
LABEL = "governance"


def title_of(code: str) -> str:
    entry = BOOK.rules.get(code) or audit_rules.get(code)
    return entry.title if entry is not None else code


FOLLOWUP = followed.Followup(
    GovernanceFinding,
    LABEL,
    words="Governance",
    question=title_of,
    found="mission.governance_found",
    closed="mission.governance_closed",
    gone="The governance check no longer finds it.",
)


def missions_of(workspace: Workspace, scope: str, mission: Mission | None = None) -> list[Mission]:
    """Those a check of this scope looks at, the newest first."""
    if scope == GovernanceRun.Scope.MISSION:
        if mission is None or mission.workspace_id != workspace.pk:
            raise Invalid("Which mission?", details={"mission": "Name one of this workspace."})
        return [mission]
    rows = Mission.objects.of(workspace).select_related("workspace", "owner")
    if scope == GovernanceRun.Scope.EXECUTING:
        rows = rows.in_stage("execute_observe")
    elif scope == GovernanceRun.Scope.ACTIVE:
        rows = rows.under_way()
    elif scope == GovernanceRun.Scope.ALL:
        rows = rows.exclude(status=Mission.Status.DRAFT)
    else:
        raise Invalid("No such scope.", details={"scope": "executing, active, all or mission."})
    return list(rows.order_by("-pk")[: MOST.value + 1])


def check(
    workspace: Workspace,
    *,
    actor: Actor,
    scope: str = "active",
    mission: Mission | None = None,
) -> GovernanceRun:
    """Ask every rule and keep what came of it. A rule that could not be asked makes the run
    `failed`: what could not be looked at must not pass for clean."""
    policy.require(actor, "mission.check", workspace)
    missions = missions_of(workspace, scope, mission)
    cut = len(missions) > MOST.value
    missions, started = missions[: MOST.value], clock.now()
    whole = scope in {GovernanceRun.Scope.ACTIVE, GovernanceRun.Scope.ALL}
    report = look(workspace, missions, whole=whole)
    with transaction.atomic():
        graph.lock(workspace.pk)  # before rows of our own: findings open and close work items
        run = _record(report, started, actor, scope, mission, cut=cut)
        _keep(run, report, actor)
        record(
            actor,
            "mission.check",
            run,
            after={"scope": scope, "result": run.result, "found": run.found},
        )
    _tell(run)
    return run


def _record(
    report: Report,
    started: datetime,
    actor: Actor,
    scope: str,
    mission: Mission | None,
    *,
    cut: bool,
) -> GovernanceRun:
    """What could not be asked, and what was not looked at, must not pass for clean."""
    failed = report.failed
    wrong = [f"Could not ask {', '.join(failed)}."] if failed else []
    if cut:
        wrong.append(f"Only the newest {MOST.value:,} missions were looked at.")
    result = GovernanceRun.Result.FINDINGS if report.found else GovernanceRun.Result.CLEAN
    made: GovernanceRun = GovernanceRun.objects.create(
        workspace=report.scope.workspace,
        scope=scope,
        mission=mission,
        result=GovernanceRun.Result.FAILED if wrong else result,
        started_at=started,
        finished_at=clock.now(),
        started_by=actor.ref[:80],
        missions=len(report.scope.missions),
        found=report.found,
        rules=[
            {
                "rule": rule.code,
                "title": rule.title,
                "status": report.answers[rule.code].status,
                "text": report.answers[rule.code].text,
                "found": [
                    {"about": gap.about, "text": gap.text}
                    for gap in report.answers[rule.code].gaps[:200]
                ],
            }
            for rule in report.rules
        ],
        marks=report.marks(TABLE),
        error=" ".join(wrong)[:300],
    )
    return made


def _keep(run: GovernanceRun, report: Report, actor: Actor) -> None:
    found = {
        (code, gap.about): gap for code, answer in report.answers.items() for gap in answer.gaps
    }
    seen = {mission.ref for mission in report.scope.missions}
    asked = {code for code, answer in report.answers.items() if answer.status != "failed"}
    over = _ended(run.workspace, report)

    def gone(row: Followed) -> bool:
        if row.about in over:
            return True
        return row.rule in asked and (row.about in seen or row.about == WHOLE)

    followed.keep(FOLLOWUP, run, found, gone=gone, actor=actor)


def _ended(workspace: Workspace, report: Report) -> set[str]:
    """Missions with open findings that ended since and were not looked at: nobody mends them."""
    seen = {mission.ref for mission in report.scope.missions}
    open_rows = GovernanceFinding.objects.of(workspace).filter(status="open")
    named = set(open_rows.values_list("about", flat=True)) - seen - {WHOLE}
    rows = Mission.objects.of(workspace).ended().filter(ref__in=named)
    return set(rows.values_list("ref", flat=True))


def _tell(run: GovernanceRun) -> None:
    """The check is an event like others. It stands whether or not events can be taken now."""
    event = {
        "event": "governance_check_completed",
        "event_id": str(run.uid),
        "occurred_at": run.finished_at,
        "service": "portal",
        "status": "success" if run.result == GovernanceRun.Result.CLEAN else "warning",
        "context": {"findings": run.found},
    }
    try:
        report_events(PORTAL, run.workspace, [event])
    except ControlPlaneError as error:
        logger.warning("the check could not be reported as an event: %s", error)


@transaction.atomic
def sign(run: GovernanceRun, *, actor: Actor, note: str = "") -> GovernanceRun:
    """The telemetry analyst has read it."""
    policy.require(actor, "mission.sign_check", run)
    said = reading.kept("note", note, 500)
    changed = GovernanceRun.objects.filter(pk=run.pk, signed_at=None).update(
        signed_at=clock.now(), signed_by=actor.ref[:80], note=said
    )
    if not changed:
        raise Conflict("It is signed already.")
    run.refresh_from_db()
    record(actor, "mission.sign_check", run, reason=run.note)
    return run
