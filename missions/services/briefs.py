"""The brief: written, locked, opened again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.base.states import plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from missions import stages
from missions.gates import registry
from missions.gates.computing import brief_complete, kpi_measurable, objective_logged
from missions.gates.kinds import EXIT, Check
from missions.gates.looking import Look
from missions.models import Brief, Mission
from missions.services import reading
from missions.services.checkpoints import packet_moved, require_gates, supersede_from
from missions.services.holding import brief_of, hold, require_status
from missions.services.moving import move
from missions.services.noting import emit, note, tell

_READ: dict[str, Callable[[Any], Any]] = {
    "objective": lambda value: reading.kept("objective", value),
    "audience": lambda value: reading.kept("audience", value),
    "business_objective": lambda value: reading.kept("business_objective", value),
    "kpi_name": lambda value: reading.kept_line("kpi_name", value, 120),
    "kpi_unit": lambda value: reading.kept_line("kpi_unit", value, 40),
    "kpi_baseline": lambda value: reading.figure("kpi_baseline", value),
    "kpi_target": lambda value: reading.figure("kpi_target", value),
    "kpi_direction": lambda value: reading.choice("kpi_direction", value, ("up", "down")),
    "kpi_deadline": lambda value: reading.day("kpi_deadline", value),
    "timeline": lambda value: reading.kept("timeline", value),
    "confidence": lambda value: reading.share("confidence", value),
}
FIELDS = frozenset(_READ)
_MOST_AUTHORS = 50
_NEEDED = {
    "brief_complete": brief_complete,
    "objective_logged": objective_logged,
    "kpi_measurable": kpi_measurable,
}


def put_fields(brief: Brief, given: dict[str, Any], *, actor: Actor) -> dict[str, Any]:
    """Write what is new, and who wrote it; what it was before. Callers hold the mission."""
    unknown = sorted(set(given) - FIELDS)
    if unknown:
        raise reading.refuse(unknown[0], "A brief has no such field.")
    values = {name: _READ[name](value) for name, value in given.items()}
    values = {name: value for name, value in values.items() if getattr(brief, name) != value}
    if not values:
        return {}
    before = {name: plain(getattr(brief, name)) for name in values}
    values |= {
        "authors": _authors(brief, actor),
        "changed_at": clock.now(),
        "edits": brief.edits + 1,
        "version": brief.version + 1,
    }
    for name, value in values.items():
        setattr(brief, name, value)
    brief.save(update_fields=list(values))
    return before


def _authors(brief: Brief, actor: Actor) -> list[str]:
    if actor.kind == "job" or actor.ref in brief.authors:
        return list(brief.authors)
    if len(brief.authors) >= _MOST_AUTHORS:
        raise Conflict("Too many have written in this brief; make another mission of it.")
    return [*brief.authors, actor.ref[:80]]


def wrote(mission: Mission, *, actor: Actor, owner_before: str = "") -> None:
    """What a mission is stands beside its brief and is signed with it: who writes it is one of its
    authors, and so is whose it was before. Callers hold the mission."""
    brief = brief_of(mission)
    authors = _authors(brief, actor)
    if owner_before and owner_before not in authors:
        authors.append(owner_before)
    brief.authors = authors
    brief.save(update_fields=["authors"])


@transaction.atomic
def put_brief(mission: Mission, *, actor: Actor, version: int | None = None, **given: Any) -> Brief:
    """Write in the brief; what is left out stays. `version` is the brief's own. An agent's draft
    says how sure it is (`confidence`)."""
    policy.require(actor, "mission.brief", mission)
    row = hold(mission)
    require_status(row, "draft", "active", "paused")
    brief = brief_of(row)
    if version is not None and brief.version != version:
        raise Conflict(
            "Somebody wrote in it since you looked. Look again.",
            details={"seen_version": version, "version": brief.version},
        )
    if brief.is_locked:
        raise InvalidTransition(
            "The brief is locked. Whoever may open it goes back to Define with it.",
            details={"status": "locked"},
        )
    before = put_fields(brief, given, actor=actor)
    if not before:
        return brief
    after = {name: plain(getattr(brief, name)) for name in before}
    note(row, "mission.brief", actor=actor, before=before, after=after)
    for name in before:
        _tell_edit(row, name, before[name], after[name], actor)
    packet_moved(row, actor=actor, why="The brief was changed.")
    return brief


def _tell_edit(mission: Mission, name: str, before: Any, after: Any, actor: Actor) -> None:
    was, now = len(str(before or "").split()), len(str(after or "").split())
    kind = "cleared" if not after else "reworded" if before else "added"
    said = {"chip_type": name, "edit_type": kind, "token_diff": now - was}
    tell(mission, "brief_item_modified", said, actor=actor, stage=stages.FIRST)


@transaction.atomic
def lock_brief(mission: Mission, *, actor: Actor, version: int | None = None) -> Brief:
    """Nothing in it changes from here on. It says everything by then."""
    policy.require(actor, "mission.lock", mission)
    row = hold(mission)
    require_status(row, "active")
    brief = brief_of(row)
    if brief.is_locked:
        return brief
    if version is not None and brief.version != version:
        raise Conflict(
            "Somebody wrote in it since you looked. Look again.",
            details={"seen_version": version, "version": brief.version},
        )
    look = Look(row, stage=stages.FIRST)
    require_gates(
        Check(stages.FIRST, EXIT, stages.gate_of(slug), compute(look))
        for slug, compute in _NEEDED.items()
    )
    now = max(clock.now(), brief.opened_at)
    brief.locked_at, brief.locked_by, brief.version = now, actor.ref[:80], brief.version + 1
    brief.save(update_fields=["locked_at", "locked_by", "version"])
    note(
        row,
        "mission.lock",
        actor=actor,
        said=f"The brief of {row.ref} is locked, revision {brief.revision}.",
        before={"locked": False},
        after={"locked": True, "revision": brief.revision},
    )
    said = {
        "safeguard_count": registry.count("safeguards", row),
        "time_to_lock_seconds": (now - brief.opened_at).total_seconds(),
        "edits_before_lock": brief.edits,
    }
    tell(row, "mission_brief_locked", said, actor=actor, stage=stages.FIRST)
    packet_moved(row, actor=actor, why="The brief was locked.")
    return brief


@transaction.atomic
def unlock_brief(
    mission: Mission, *, actor: Actor, reason: str, version: int | None = None
) -> Brief:
    """Open it again. A mission that is past Define goes back there; what was signed since counts
    for nothing."""
    policy.require(actor, "mission.lock", mission)
    why = reading.reason(reason)
    row = hold(mission, version=version)
    require_status(row, "active", "paused")
    brief = brief_of(row)
    if not brief.is_locked:
        return brief
    later = row.stage != stages.FIRST
    if later:
        supersede_from(row, stages.FIRST, actor=actor, reason=f"The brief was opened again: {why}")
    brief.locked_at, brief.locked_by = None, ""
    brief.revision, brief.version, brief.edits = brief.revision + 1, brief.version + 1, 0
    brief.opened_at = clock.now()
    brief.save(
        update_fields=["locked_at", "locked_by", "revision", "version", "edits", "opened_at"]
    )
    note(
        row,
        "mission.unlock",
        actor=actor,
        said=f"The brief of {row.ref} is open again: {why}",
        before={"locked": True},
        after={"locked": False, "revision": brief.revision},
        reason=why,
    )
    emit(row, "brief_opened", reason=why)
    if later:
        given: Any = {"actor": actor, "action": "mission.lock"}
        move(row, stage=stages.FIRST, reason=f"The brief was opened again: {why}"[:500], **given)
    else:
        packet_moved(row, actor=actor, why=f"The brief was opened again: {why}"[:500])
    return brief
