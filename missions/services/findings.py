"""What validators report, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db import transaction

from controlplane.access import policy
from controlplane.base.states import advance
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, InvalidTransition
from controlplane.work.services import graph
from missions import guarding
from missions.models import Finding, Mission, Safeguard
from missions.services import given, reading, violations
from missions.services.checkpoints import go_on_if_signed
from missions.services.holding import hold, require_status
from missions.services.noting import PORTAL, note, tell

MOST = 100
DRIFT = "oauth_drift:"  # how the portal names what it finds of connections
_RESULTS = tuple(Finding.Result.values)
# What two reports of one finding must agree in.
_SAME = ("phase", "result", "severity", "step")


class Reported(NamedTuple):
    finding: Finding
    created: bool


@transaction.atomic
def report_findings(
    mission: Mission, reports: Sequence[Mapping[str, Any]], *, actor: Actor
) -> list[Reported]:
    """All of them or none. One that was reported before, by its external id, is answered as it
    is, unless it was resolved and failed since: then it is found again. What failed, is not mended
    and is grave or enforced stops the mission in this transaction.
    """
    policy.require(actor, "mission.find", mission)
    if not reports:
        raise reading.refuse("findings", "At least one.")
    if len(reports) > MOST:
        raise reading.refuse("findings", f"At most {MOST} at once.")
    read = []
    for place, report in enumerate(reports):
        try:
            read.append(_read(report))
            _require_own_name(read[-1]["external_id"], actor)
        except Invalid as error:
            raise _placed(error, place) from None
    if any(each["result"] == "failed" for each in read):
        graph.lock(mission.workspace_id)  # an item may be made: before the mission's own lock
    row = hold(mission)
    require_status(row, "active", "paused", "completed", "cancelled", "failed")
    found: list[Reported] = []
    for place, values in enumerate(read):
        try:
            found.append(_report(row, values, actor))
        except Invalid as error:
            raise _placed(error, place) from None
    return found


def report_finding(mission: Mission, *, actor: Actor, **report: Any) -> Reported:
    return report_findings(mission, [report], actor=actor)[0]


def _placed(error: Any, place: int) -> Any:
    [(field, sentence), *_] = error.details.items() or [("findings", error.message)]
    return reading.refuse(f"findings[{place}].{field}"[:200], sentence)


def _require_own_name(name: str, actor: Actor) -> None:
    """What the portal resolves by itself when scopes are right again, nobody else begins."""
    if name.startswith(DRIFT) and actor != PORTAL:
        raise reading.refuse("external_id", f"Names with {DRIFT} are the portal's own.")


def _read(report: Mapping[str, Any]) -> dict[str, Any]:
    known = {
        "external_id", "safeguard", "phase", "result", "severity", "message", "step", "toolkit",
        "details", "auto_fix_attempted", "auto_fix_success", "found_at",
    }  # fmt: skip
    unknown = sorted(set(report) - known)
    if unknown:
        raise reading.refuse(str(unknown[0]), "A finding has no such field.")
    result = reading.choice("result", report.get("result", ""), _RESULTS)
    tried = given.switch("auto_fix_attempted", report.get("auto_fix_attempted", False))
    mended = report.get("auto_fix_success")
    if mended is not None:
        given.switch("auto_fix_success", mended)
    if result == "auto_fixed" and not (tried and mended):
        raise reading.refuse("auto_fix_success", "What is auto_fixed was tried and succeeded.")
    if mended is not None and not tried:
        raise reading.refuse("auto_fix_attempted", "It says how the attempt ended.")
    if result == "failed" and mended:
        raise reading.refuse("result", "What was mended is auto_fixed.")
    return {
        "external_id": given.name("external_id", report.get("external_id", "")),
        "safeguard": report.get("safeguard"),
        "phase": reading.choice("phase", report.get("phase", "run"), Finding.Phase.values),
        "result": result,
        "severity": given.severity(report["severity"]) if report.get("severity") else "",
        "message": reading.kept("message", report.get("message", ""), 4_000),
        "step": given.name("step", report["step"]) if report.get("step") else "",
        "toolkit": reading.line("toolkit", report.get("toolkit", "") or "", 60),
        "details": given.document("details", report.get("details", {}) or {}),
        "auto_fix_attempted": tried,
        "auto_fix_success": mended,
        "found_at": given.past("found_at", report.get("found_at")),
    }


def _report(mission: Mission, values: dict[str, Any], actor: Actor) -> Reported:
    values["safeguard"] = _safeguard(mission, values["safeguard"])
    if not values["severity"]:
        guard = values["safeguard"]
        values["severity"] = guard.severity if guard is not None else "medium"
    rows = Finding.objects.select_related("safeguard", "violation")
    named = rows.filter(mission=mission, external_id=values["external_id"])
    there: Finding | None = named.order_by("-episode").first()
    if there is not None and _is_back(there, values):
        values["episode"] = there.episode + 1
    elif there is not None:
        _require_same(there, values)
        there.mission = mission
        return Reported(there, created=False)
    return Reported(_keep(mission, values, actor), created=True)


def _is_back(there: Finding, values: dict[str, Any]) -> bool:
    """Somebody said how it was put right, and it failed after that. A late retry says by
    `found_at` that it means the look from before; one that doesn't say is taken for a new look,
    because a mission that goes on over a safeguard is worse than one that stops once more."""
    decided = there.decided_at
    return (
        there.status == Finding.Status.RESOLVED
        and decided is not None
        and values["result"] == Finding.Result.FAILED
        and values["found_at"] > decided
    )


def _safeguard(mission: Mission, uid: Any) -> Safeguard | None:
    if uid is None or uid == "":
        return None
    wanted = given.uid("safeguard", uid)
    found: Safeguard | None = mission.safeguards.filter(uid=wanted).first()
    if found is None:
        raise reading.refuse("safeguard", "The mission has no such safeguard.")
    return found


def _require_same(there: Finding, values: dict[str, Any]) -> None:
    """A retry says the same; another finding under its name must not vanish."""
    differs = [name for name in _SAME if getattr(there, name) != values[name]]
    if there.safeguard != values["safeguard"]:
        differs.append("safeguard")
    if differs:
        raise Conflict(
            f"{there.external_id} was reported with another {differs[0]}.",
            details={name: str(getattr(there, name) or "") for name in differs},
        )


def is_unhandled(result: str, severity: str, safeguard: Safeguard | None) -> bool:
    """Whether it stops the mission: it failed, nobody mended it, and it is grave or enforced."""
    enforced = safeguard is not None and safeguard.holds and safeguard.mode == "enforced"
    return result == "failed" and (enforced or severity in guarding.GRAVE)


def _keep(mission: Mission, values: dict[str, Any], actor: Actor) -> Finding:
    guard, severity = values["safeguard"], values["severity"]
    stops = is_unhandled(values["result"], severity, guard)
    violation, opened = None, False
    if stops:
        title = guard.title if guard is not None else values["external_id"]
        if values.get("episode", 1) > 1:
            title = f"{title} (found again)"
        violation, opened = violations.violation_for(
            mission, actor=actor, title=title, severity=severity, found=values["message"]
        )
    row = Finding.objects.create(
        mission=mission,
        violation=violation,
        stage=mission.stage,
        unhandled=stops,
        status="open" if values["result"] == "failed" else "noted",
        reported_by=actor.ref[:80],
        **values,
    )
    if row.result in {"failed", "auto_fixed"}:
        note(
            mission, "mission.find", actor=actor,
            after={"finding": str(row)[:200], "severity": severity, "phase": row.phase,
                   "stops": stops},
            reason=row.message[:500], details={"transition": f"-> {row.result}"},
        )  # fmt: skip
        _tell(mission, row, actor)
    if violation is not None:
        violations.tell_validators(row)
        if not opened:
            violations.joined(violation, row, actor=actor)
    return row


def _tell(mission: Mission, row: Finding, actor: Actor) -> None:
    fixed = row.result == "auto_fixed"
    outcome = "fixed" if fixed else "failed" if row.auto_fix_attempted else "not_tried"
    name = str(row.safeguard.uid) if row.safeguard is not None else row.external_id
    said = {
        "severity": row.severity,
        "safeguard_id": name,
        "auto_fix_attempted": row.auto_fix_attempted,
        "auto_fix_status": outcome,
    }
    tell(mission, "validator_alert_raised", said, actor=actor,
         status="warning" if fixed or not row.unhandled else "error")  # fmt: skip
    if fixed:
        tell(mission, "validator_auto_fix_applied", {"safeguard_id": name}, actor=actor)


# --- Deciding -----------------------------------------------------------------------------------


def again(finding: Finding, mission: Mission, version: int | None = None) -> Finding:
    """As it is now, of a mission that the caller holds."""
    row: Finding = Finding.objects.select_related("safeguard", "violation").get(pk=finding.pk)
    row.mission = mission
    if row.violation is not None:
        row.violation.mission = mission
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody decided it since you looked. Look again.",
            details={"seen_version": version, "version": row.version, "status": row.status},
        )
    return row


@transaction.atomic
def resolve_finding(
    finding: Finding, *, actor: Actor, reason: str, version: int | None = None
) -> Finding:
    """It was put right: how, in words. Resolved already, it stays as it is."""
    policy.require(actor, "mission.resolve", finding)
    why = reading.reason(reason)
    mission = hold(finding.mission)
    row = again(finding, mission, version)
    if row.status == Finding.Status.RESOLVED:
        return row
    if row.status == Finding.Status.NOTED:
        raise InvalidTransition("There is nothing to resolve: it did not fail.")
    resolve(row, actor=actor, why=why)
    go_on_if_signed(mission)
    return row


def resolve(row: Finding, *, actor: Actor, why: str) -> None:
    """Callers hold the mission and know that it may be."""
    decided: Any = {"resolution": why, "decided_by": actor.ref[:80], "decided_at": clock.now()}
    advance(row, "resolved", actor=actor, reason=why, changes=decided)
    note(row.mission, "mission.resolve", actor=actor, after={"finding": str(row)[:200]}, reason=why)
    violations.settle_if_decided(row.violation, actor=actor)


def reopen(row: Finding, *, actor: Actor, why: str) -> None:
    """What was let pass is so no longer. It stops the mission again; the first violation's item
    and signal stand for it still."""
    mission = row.mission
    advance(
        row, "open", actor=PORTAL, reason=why,
        changes={"decided_by": "", "decided_at": None},
    )  # fmt: skip
    note(
        mission, "mission.find", actor=actor, after={"finding": str(row)[:200], "open": True},
        reason=why, details={"transition": "-> open"},
    )  # fmt: skip
    if not row.unhandled:
        return
    if mission.is_under_way:
        violations.stop(mission, f"{row}: {why}")
    violations.tell_validators(row, again=f":{row.version}")
