"""Plays: proposed by agents, ranked, one of them chosen by people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.base.states import advance
from controlplane.catalog.models import Integration
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from missions.models import Mission, Play, PlayStep, UndoPlan
from missions.services import reading, reading_plans
from missions.services.asset_use import use_precedents
from missions.services.checkpoints import packet_moved
from missions.services.holding import hold, require_status
from missions.services.noting import emit, note, tell
from missions.services.undo_plans import write_undo_plan

PLANNED_IN = ("prepare", "plan_approve")


def require_planning(mission: Mission) -> None:
    """Plays are made in Prepare and Plan & Approve, also of a mission that came from another system
    in a later stage: what runs was signed, and signed here."""
    require_status(mission, "active", "paused")
    if mission.stage in PLANNED_IN:
        return
    raise InvalidTransition(
        f"{mission.ref} is in {mission.get_stage_display()}: its plan changes in Plan & Approve. "
        "Send it back there.",
        details={"stage": mission.stage, "legal": ", ".join(PLANNED_IN)},
    )


@transaction.atomic
def propose_plays(
    mission: Mission,
    plays: Any,
    *,
    actor: Actor,
    method: str = "",
    critique: str = "",
    reason: str = "",
    version: int | None = None,
) -> list[Play]:
    """The whole ranking, the best first. A play that is there already, word for word, stays with
    its choice and its undo plan; what is not among them any more is withdrawn. The same ranking
    again changes nothing."""
    policy.require(actor, "mission.plan", mission)
    wanted = reading_plans.plays(plays)
    said = {
        "ranking_method": reading.kept_line("method", method, 60) or actor.kind,
        "validator_critique": reading.kept_line("critique", critique, 500),
    }
    why = reading.kept_line("reason", reason, reading.REASON)
    row = hold(mission, version=version)
    require_planning(row)
    _require_toolkits(row, wanted)
    before = list(row.plays.live().order_by("rank"))
    known = {play.digest: play for play in before}
    kept = {known[each.digest].pk for each in wanted if each.digest in known}
    gone = [play for play in before if play.pk not in kept]
    for play in gone:
        _withdraw(play, actor, why or "Another ranking took its place.")
    live, fresh = [], []
    for each in wanted:
        play = known.get(each.digest)
        if play is None:
            play = _make(row, each, actor)
            fresh.append(play)
        play.mission = row
        if each.undo is not None:
            write_undo_plan(play, each.undo, actor=actor)
        live.append(play)
    if fresh or gone:
        _tell(row, before, live, fresh, actor, why, said)
    packet_moved(row, actor=actor, why="The plays were changed.")
    return live


def _require_toolkits(mission: Mission, plays: Iterable[reading_plans.GivenPlay]) -> None:
    """Each is one that is known here, or nobody could say whether it may be called."""
    named = {step["toolkit"] for play in plays for step in play.steps if step["toolkit"]}
    rows = Integration.objects.of(mission.workspace_id).filter(slug__in=named)
    unknown = sorted(named - set(rows.values_list("slug", flat=True)))
    if unknown:
        raise reading.refuse(
            "toolkit", f"No integration of this workspace is called {', '.join(unknown[:5])}."
        )


def _withdraw(play: Play, actor: Actor, why: str) -> None:
    changes = {"selected_at": None, "selected_by": ""} if play.status == "selected" else {}
    advance(play, "withdrawn", actor=actor, reason=why[:500], changes=changes)


def _make(mission: Mission, given: reading_plans.GivenPlay, actor: Actor) -> Play:
    play = Play.objects.create(
        mission=mission, digest=given.digest, proposed_by=actor.ref[:80], **given.values
    )
    PlayStep.objects.bulk_create(
        PlayStep(play=play, position=place, **step) for place, step in enumerate(given.steps, 1)
    )
    return play


def _tell(
    mission: Mission,
    before: list[Play],
    live: list[Play],
    fresh: list[Play],
    actor: Actor,
    why: str,
    said: Mapping[str, str],
) -> None:
    was, now = [play.key for play in before], [play.key for play in live]
    note(
        mission,
        "mission.plan",
        actor=actor,
        said=f"{len(live)} plays are proposed for {mission.ref}.",
        before={"plays": was},
        after={"plays": now},
        reason=why,
        details={"transition": "-> ranked"},
    )
    covered = set(UndoPlan.objects.filter(play__in=fresh).values_list("play_id", flat=True))
    for play in fresh:
        tools = sorted({step.toolkit for step in play.steps.all() if step.toolkit})
        told = {
            "play_id": play.key,
            "confidence": float(play.confidence) if play.confidence is not None else 0.0,
            "library_precedent_count": len(play.precedents),
            "tool_usage_pattern": tools,
            "undo_plan_included": play.pk in covered,
        }
        tell(mission, "planner_candidate_generated", told, actor=actor, stage="plan_approve")
    ranked = {"play_ids_ordered": now, **said}
    tell(mission, "plan_ranked", ranked, actor=actor, stage="plan_approve")
    if before:
        changed = {"adjustment_type": "ranking", "before_value": was, "after_value": now}
        given = {**changed, "reason_note": why}
        tell(mission, "plan_adjusted", given, actor=actor, stage="plan_approve")
    emit(mission, "planned")


@transaction.atomic
def select_play(play: Play, *, actor: Actor, reason: str = "", version: int | None = None) -> Play:
    """This one, and no other. Chosen already, nothing changes. `version` is the mission's."""
    policy.require(actor, "mission.select", play.mission)
    why = reading.kept_line("reason", reason, reading.REASON)
    mission = hold(play.mission, version=version)
    row: Play = Play.objects.get(pk=play.pk)
    row.mission = mission
    if row.status == Play.Status.SELECTED:
        return row
    if not row.is_live:
        raise Conflict("The play was withdrawn. Look again.", details={"status": row.status})
    require_planning(mission)
    other = mission.plays.selected().first()
    if other is not None:
        other.mission = mission
        cleared = {"selected_at": None, "selected_by": ""}
        advance(other, "proposed", actor=actor, reason=why, changes=cleared)
    chosen = {"selected_at": clock.now(), "selected_by": actor.ref[:80], "reason": why}
    advance(row, "selected", actor=actor, reason=why, changes=chosen)
    undo = UndoPlan.objects.filter(play=row).first()
    said = {
        "play_id": row.key,
        "selection_method": "manual" if actor.kind == "person" else "auto",
        "reason_note": why,
        "undo_plan_id": str(undo.uid) if undo is not None else "",
    }
    tell(mission, "plan_selected", said, actor=actor, stage="plan_approve")
    emit(mission, "play_selected", request=f"{row.uid}:{row.version}")
    use_precedents(row, actor=actor)
    packet_moved(mission, actor=actor, why="Another play was selected.")
    return row
