"""A check, from its questions to its record."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.base.registries import audit_rules
from controlplane.base.rulebook import Found
from controlplane.jobs import nudges
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError, Invalid, InvalidTransition
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
KEPT = 100  # missions whose findings are kept in one transaction
TABLE = 300  # missions whose marks a run keeps for its table; of the others what was found
LABEL = "governance"


def title_of(code: str) -> str:
    entry = BOOK.rules.get(code) or audit_rules.get(code)
    return entry.title if entry is not None else code


_MANY = [each for each in GovernanceRun.Scope.values if each != GovernanceRun.Scope.MISSION]
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
    """Ask every rule and keep what came of it, here and now. A rule that could not be asked makes
    the run `failed`: what could not be looked at must not pass for clean.

    The look itself, the run and what is kept of it are transactions of their own, however many
    missions there are: nobody who works on an item waits for all of them."""
    policy.require(actor, "mission.check", workspace)
    answer = _look(workspace, scope, mission)
    with transaction.atomic():
        run: GovernanceRun = GovernanceRun.objects.create(
            workspace=workspace, scope=scope, mission=mission, started_by=actor.ref[:80],
            **answer.values,
        )  # fmt: skip
        _note(run, actor)
    _after(run, answer.report, actor)
    return run


@transaction.atomic
def ask(workspace: Workspace, *, actor: Actor, scope: str = "active") -> GovernanceRun:
    """A check of many missions: asked for now, answered by the job that looks for those. One that
    is asked for already is on its way."""
    policy.require(actor, "mission.check", workspace)
    if scope not in _MANY:
        raise Invalid("No such scope.", details={"scope": f"{', '.join(_MANY)}."})
    now = clock.now()
    run, made = GovernanceRun.objects.get_or_create(
        workspace=workspace, scope=scope, result=GovernanceRun.Result.ASKED,
        defaults={"started_at": now, "finished_at": now, "started_by": actor.ref[:80]},
    )  # fmt: skip
    if made:
        _note(run, actor)
        nudges.after_commit()
    return run


def answer_asked(run: GovernanceRun, *, actor: Actor) -> bool:
    """What was asked for; whether it was this that answered it."""
    try:
        answer = _look(run.workspace, run.scope, None)
    except Exception as error:
        logger.exception("the governance check %s could not be made", run.uid)
        wrong = f"Could not run: {type(error).__name__}."
        return _put(run, actor, result=GovernanceRun.Result.FAILED, error=wrong)
    if not _put(run, actor, **answer.values):
        return False
    _after(run, answer.report, actor)
    return True


@transaction.atomic
def _put(run: GovernanceRun, actor: Actor, **values: Any) -> bool:
    """Once, of however many that look."""
    values = {"finished_at": clock.now(), **values}
    rows = GovernanceRun.objects.filter(pk=run.pk, result=GovernanceRun.Result.ASKED)
    if not rows.update(**values):
        return False
    for name, value in values.items():
        setattr(run, name, value)
    _note(run, actor)
    return True


@dataclass(frozen=True, slots=True)
class _Answer:
    report: Report
    values: dict[str, Any]


def _look(workspace: Workspace, scope: str, mission: Mission | None) -> _Answer:
    missions = missions_of(workspace, scope, mission)
    cut = len(missions) > MOST.value
    missions, started = missions[: MOST.value], clock.now()
    whole = scope in {GovernanceRun.Scope.ACTIVE, GovernanceRun.Scope.ALL}
    report = look(workspace, missions, whole=whole)
    return _Answer(report, {"started_at": started, **_values(report, cut=cut)})


def _note(run: GovernanceRun, actor: Actor) -> None:
    record(
        actor,
        "mission.check",
        run,
        after={"scope": run.scope, "result": run.result, "found": run.found},
    )


def _values(report: Report, *, cut: bool) -> dict[str, Any]:
    """What could not be asked, and what was not looked at, must not pass for clean."""
    failed = report.failed
    wrong = [f"Could not ask {', '.join(failed)}."] if failed else []
    if cut:
        wrong.append(f"Only the newest {MOST.value:,} missions were looked at.")
    result = GovernanceRun.Result.FINDINGS if report.found else GovernanceRun.Result.CLEAN
    return {
        "result": GovernanceRun.Result.FAILED if wrong else result,
        "finished_at": clock.now(),
        "missions": len(report.scope.missions),
        "found": report.found,
        "rules": [
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
        "marks": report.marks(TABLE),
        "error": " ".join(wrong)[:300],
    }


def _after(run: GovernanceRun, report: Report, actor: Actor) -> None:
    """Findings open and close work items: some missions at a time, so that whoever works on an
    item waits for few. Cut off in between, the next check keeps the rest."""
    asked = {code for code, answer in report.answers.items() if answer.status != "failed"}
    found: dict[str, dict[tuple[str, str], Found]] = {}
    for code, answer in report.answers.items():
        for gap in answer.gaps:
            found.setdefault(gap.about, {})[code, gap.about] = gap
    refs = [mission.ref for mission in report.scope.missions]
    for place in range(0, len(refs), KEPT):
        some = refs[place : place + KEPT]
        _keep(run, [found.pop(ref, {}) for ref in some], asked, set(some), actor)
    over = _ended(run.workspace, report)
    _keep(run, list(found.values()), asked, {WHOLE}, actor, over=over)
    _tell(run)


@transaction.atomic
def _keep(
    run: GovernanceRun,
    found: Iterable[Mapping[tuple[str, str], Found]],
    asked: set[str],
    about: set[str],
    actor: Actor,
    *,
    over: Collection[str] = (),
) -> None:
    graph.lock(run.workspace_id)  # before rows of our own: findings open and close work items

    def gone(row: Followed) -> bool:
        return row.about in over or (row.rule in asked and row.about in about)

    together = {key: gap for each in found for key, gap in each.items()}
    followed.keep(FOLLOWUP, run, together, gone=gone, actor=actor)


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
    if run.result == GovernanceRun.Result.ASKED:
        raise InvalidTransition("It is on its way: nobody can have read it yet.")
    said = reading.kept("note", note, 500)
    rows = GovernanceRun.objects.filter(pk=run.pk, signed_at=None)
    changed = rows.exclude(result=GovernanceRun.Result.ASKED).update(
        signed_at=clock.now(), signed_by=actor.ref[:80], note=said
    )
    if not changed:
        raise Conflict("It is signed already.")
    run.refresh_from_db()
    record(actor, "mission.sign_check", run, reason=run.note)
    return run
