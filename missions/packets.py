"""What the people of a checkpoint sign: everything that holds for its stage, and nothing that
changes by itself. A clock, a state or a count in it would take back signatures over night."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import F

from controlplane.access.models import Agent
from controlplane.approvals import packets as canonical
from controlplane.approvals.models import Request
from missions import reads
from missions.gates import registry
from missions.gates.looking import evidence_of
from missions.models import Brief, Mission, StageVisit


def packet_of(visit: StageVisit) -> dict[str, Any]:
    """As JSON values. `mission`, `summary`, `mission_play` and `undo_plan` are names that the
    view `mission_approvals` reads."""
    return reads.once(visit.mission, ("packet", visit.pk), lambda: _packet_of(visit))


def _packet_of(visit: StageVisit) -> dict[str, Any]:
    mission, stage = visit.mission, visit.definition
    brief = reads.brief(mission)
    return {
        "mission": mission.ref,
        "summary": mission.title,
        "checkpoint": stage.checkpoint.label,
        "confirms": stage.checkpoint.about,
        "stage": stage.slug,
        "attempt": visit.attempt,
        "intent": mission.intent,
        "type": mission.mission_type,
        "persona": mission.persona,
        "owner": f"user:{mission.owner_id}",
        "due_on": mission.due_on.isoformat() if mission.due_on else None,
        "brief": _brief(brief),
        "signatures": {slot.title: slot.says for slot in stage.checkpoint.slots},
        "checklist": _checklist(visit),
        "evidence": [
            {"title": each["label"], "url": each["link"], "sha256": each["sha256"]}
            for each in evidence_of(visit)
        ],
        **{part.name: part.read(visit) for part in registry.parts_of(stage.slug)},
    }


def _brief(brief: Brief) -> dict[str, Any]:
    def figure(value: Any) -> str | None:
        return f"{value.normalize():f}" if value is not None else None

    return {
        "revision": brief.revision,
        "locked": brief.is_locked,
        "objective": brief.objective,
        "audience": brief.audience,
        "business_objective": brief.business_objective,
        "timeline": brief.timeline,
        "kpi": {
            "name": brief.kpi_name,
            "unit": brief.kpi_unit,
            "baseline": figure(brief.kpi_baseline),
            "target": figure(brief.kpi_target),
            "direction": brief.kpi_direction,
            "deadline": brief.kpi_deadline.isoformat() if brief.kpi_deadline else None,
        },
    }


def _checklist(visit: StageVisit) -> list[dict[str, Any]]:
    rows = reads.TICKS.of(visit.mission)
    ticks = {each.line: each for each in rows if each.visit_id == visit.pk}
    found = []
    for line in visit.definition.checklist:
        tick = ticks.get(line.slug)
        entry: dict[str, Any] = {"line": line.title, "by": "the portal" if line.gate else ""}
        if tick is not None:
            entry |= {"by": tick.by, "note": tick.note, "evidence": tick.evidence}
        found.append(entry)
    return found


def digest_of(visit: StageVisit) -> str:
    return canonical.digest(canonical.clean(packet_of(visit)))


def stands(visit: StageVisit, request: Request) -> bool:
    """Whether this is still what the request asks, or asked, about."""
    return digest_of(visit) == request.sha256


# Of a packet what is carried out. The rest goes on changing once it was acted on.
_RUNS = ("mission_play", "play", "undo_plan")


def runs_as_signed(visit: StageVisit, request: Request) -> bool:
    """Whether what would be carried out is what people signed, word for word."""
    parts = {part.name: part for part in registry.parts_of(visit.stage)}
    now = {name: parts[name].read(visit) for name in _RUNS}
    then = {name: request.packet.get(name) for name in _RUNS}
    return canonical.clean(now) == canonical.clean(then)


def owner_refs(mission: Mission) -> list[str]:
    """Whose mission it is, and who made it or brought it here: they may sign as Mission Owner, and
    as nothing else. Of a mission that an agent made, the agent's own person too."""
    refs = [f"user:{mission.owner_id}"]
    if mission.created_by.startswith(("user:", "agent:")):
        refs.append(mission.created_by)
    return _with_their_people(mission, refs)


def _with_their_people(mission: Mission, refs: Iterable[str]) -> list[str]:
    """What somebody's agent makes, they make: also whoever had the agent since the mission began,
    or it would be handed on to sign what it made."""
    found = list(dict.fromkeys(refs))
    agents = [int(ref[6:]) for ref in found if ref.startswith("agent:") and ref[6:].isdigit()]
    if not agents:
        return found
    people = Agent.objects.filter(pk__in=agents).answered_for_by(mission.created_at)
    behind = [f"user:{person}" for person in people]
    return list(dict.fromkeys([*found, *behind]))


def theirs(mission: Mission) -> list[str]:
    """Whose mission it is or was, and who wrote what it is: they approve nothing of it."""
    authors = Brief.objects.values_list("authors", flat=True).get(mission=mission)
    return list(dict.fromkeys([*owner_refs(mission), *_with_their_people(mission, authors)]))


def makers(visit: StageVisit) -> list[str]:
    """Who made what is signed, beside those whose mission it is: they sign nothing of it, nor do
    the people whose agents made it."""
    mission = visit.mission
    refs = list(Brief.objects.values_list("authors", flat=True).get(mission=mission))
    refs += [each["by"] for each in evidence_of(visit) if each.get("by")]
    for part in registry.parts_of(visit.stage):
        refs += part.made_by(visit) if part.made_by is not None else []
    theirs = owner_refs(mission)
    return [ref for ref in _with_their_people(mission, refs) if ref not in theirs]


def missing_slots(request: Request) -> str:
    rows = request.slots.filter(signed__lt=F("needed")).order_by("position")
    return ", ".join(rows.values_list("title", flat=True))
