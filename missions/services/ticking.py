"""The checklist of a stage, and links to its evidence."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.policy import role_label
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition, NotAllowed
from missions.models import ChecklistTick, Mission, StageVisit
from missions.services import reading
from missions.services.checkpoints import packet_moved
from missions.services.holding import hold, require_status, visit_of
from missions.services.noting import note
from missions.stages import Line


def _line(visit: StageVisit, slug: str) -> Line:
    found = visit.definition.line(slug)
    if found is None:
        known = ", ".join(each.slug for each in visit.definition.checklist)
        raise reading.refuse("line", f"{visit.definition.label} has no such line: {known}.")
    return found


def may_tick(actor: Actor, mission: Mission, line: Line) -> str:
    """Why not; empty when they may."""
    if line.gate:
        return "the portal looks at this itself"
    if actor.kind == "job" or actor.roles_in(mission.workspace_id) & set(line.roles):
        return ""
    if mission.workspace_id in actor.break_glass:
        return ""
    return f"needs {' or '.join(role_label(role) for role in line.roles)}"


def _allow(actor: Actor, mission: Mission, line: Line) -> None:
    policy.require(actor, "mission.tick", mission)
    if line.gate:
        raise InvalidTransition(
            f"{line.title}: the portal looks at this itself.", details={"line": "Not ticked."}
        )
    refusal = may_tick(actor, mission, line)
    if refusal:
        raise NotAllowed(
            f"{line.title}: {refusal}.",
            details={"line": refusal},
            denial={"actor": actor, "action": "mission.tick", "subject": mission,
                    "rule": "line_role", "reason": refusal},
        )  # fmt: skip


@transaction.atomic
def tick_line(
    mission: Mission,
    line: str,
    *,
    actor: Actor,
    note_: str = "",
    evidence: Any = (),
    version: int | None = None,
) -> ChecklistTick:
    """Say that a line is done, and where that can be seen. Ticked already, it stays as it is."""
    policy.require(actor, "mission.tick", mission)
    row = hold(mission, version=version)
    require_status(row, "active", "paused")
    visit = visit_of(row)
    wanted = _line(visit, line)
    _allow(actor, row, wanted)
    standing: ChecklistTick | None = visit.ticks.standing().filter(line=wanted.slug).first()
    if standing is not None:
        return standing
    shown = [
        {"label": each["label"], "link": each["link"]}
        for each in reading.links("evidence", evidence)
    ]
    tick = ChecklistTick.objects.create(
        visit=visit,
        line=wanted.slug,
        note=reading.kept_line("note", note_, 500),
        evidence=shown,
        by=actor.ref[:80],
    )
    note(
        row,
        "mission.tick",
        actor=actor,
        before={"done": False},
        after={"line": wanted.title, "done": True, "stage": visit.stage},
        reason=tick.note,
        details={"transition": "open -> ticked"},
    )
    packet_moved(row, actor=actor, why=f"The checklist was changed: {wanted.title}.")
    return tick


@transaction.atomic
def untick_line(
    mission: Mission, line: str, *, actor: Actor, reason: str, version: int | None = None
) -> Mission:
    """Take a tick back."""
    policy.require(actor, "mission.tick", mission)
    why = reading.reason(reason)
    row = hold(mission, version=version)
    require_status(row, "active", "paused")
    visit = visit_of(row)
    wanted = _line(visit, line)
    _allow(actor, row, wanted)
    tick = visit.ticks.standing().filter(line=wanted.slug).first()
    if tick is None:
        return row
    tick.retracted_at, tick.retracted_by = clock.now(), actor.ref[:80]
    tick.save(update_fields=["retracted_at", "retracted_by"])
    note(
        row,
        "mission.tick",
        actor=actor,
        before={"done": True},
        after={"line": wanted.title, "done": False, "stage": visit.stage},
        reason=why,
        details={"transition": "ticked -> open"},
    )
    packet_moved(row, actor=actor, why=f"The checklist was changed: {wanted.title}.")
    return row


@transaction.atomic
def link_evidence(
    mission: Mission,
    *,
    actor: Actor,
    link: str,
    label: str = "",
    sha256: str = "",
    version: int | None = None,
) -> StageVisit:
    """Where the evidence of this stage can be read. The same link twice is one."""
    policy.require(actor, "mission.evidence", mission)
    row = hold(mission, version=version)
    require_status(row, "active", "paused")
    visit = visit_of(row)
    given = reading.link("link", {"link": link, "label": label, "sha256": sha256})
    if any((each["link"], each["sha256"]) == (given["link"], given["sha256"])
           for each in visit.evidence):  # fmt: skip
        return visit
    if len(visit.evidence) >= reading.MOST_LINKS:
        raise Conflict(f"A stage has at most {reading.MOST_LINKS} links.")
    entry = {**given, "by": actor.ref[:80], "at": clock.now().isoformat()}
    _write(row, visit, [*visit.evidence, entry], actor, "on", given)
    return visit


@transaction.atomic
def unlink_evidence(
    mission: Mission, *, actor: Actor, link: str, reason: str = "", version: int | None = None
) -> StageVisit:
    policy.require(actor, "mission.evidence", mission)
    row = hold(mission, version=version)
    require_status(row, "active", "paused")
    visit = visit_of(row)
    address = reading.line("link", link, 500, required=True)
    left = [each for each in visit.evidence if each["link"] != address]
    if len(left) == len(visit.evidence):
        raise reading.refuse("link", "This stage has no such link.")
    _write(row, visit, left, actor, "off", {"link": address}, reason)
    return visit


def _write(
    mission: Mission,
    visit: StageVisit,
    evidence: list[dict[str, str]],
    actor: Actor,
    to: str,
    what: dict[str, str],
    reason: str = "",
) -> None:
    visit.evidence = evidence
    visit.save(update_fields=["evidence"])
    note(
        mission,
        "mission.evidence",
        actor=actor,
        after={"stage": visit.stage, **what},
        reason=reading.kept_line("reason", reason, reading.REASON),
        details={"transition": f"-> {to}"},
    )
    packet_moved(mission, actor=actor, why="The evidence was changed.")
