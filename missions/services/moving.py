"""The one way a mission's stage and status change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from time import perf_counter
from typing import Any

from django.db.models import F, Max

from controlplane.access import policy
from controlplane.base.states import advance, plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from missions import stages, transitions
from missions.models import Mission, StageVisit
from missions.querysets import ENDED
from missions.services.holding import visit_of
from missions.services.noting import emit, note, say, tell
from missions.services.telling import tell_back, tell_status

_SAID = {
    "active": "goes on",
    "paused": "is paused",
    "completed": "is completed",
    "cancelled": "is cancelled",
    "failed": "is given up",
}
# stage -> what ends with it: (mission, actor, reason).
LEAVING: dict[str, Callable[[Mission, Actor, str], None]] = {}
# stage -> what begins with it: (mission, actor).
ENTERING: dict[str, list[Callable[[Mission, Actor], None]]] = {}
# What falls when a mission goes back: (mission, the stage it begins again with, actor, reason).
GOING_BACK: list[Callable[[Mission, str, Actor, str], None]] = []
_ITEM = {"active": "in_progress", "paused": "blocked"}
_DRAFT = "draft"


def leaving(stage: str) -> Callable[[Any], Any]:
    """Register what is ended when a mission leaves a stage, however it does."""

    def register(end: Callable[[Mission, Actor, str], None]) -> Any:
        LEAVING[stage] = end
        return end

    return register


def entering(stage: str) -> Callable[[Any], Any]:
    """Register what begins when a mission comes to a stage, also for another time."""

    def register(begin: Callable[[Mission, Actor], None]) -> Any:
        ENTERING.setdefault(stage, []).append(begin)
        return begin

    return register


def going_back(fall: Callable[[Mission, str, Actor, str], None]) -> Any:
    """Register what falls, as signatures do, when a mission goes back to an earlier stage."""
    GOING_BACK.append(fall)
    return fall


def move(
    mission: Mission,
    *,
    actor: Actor,
    action: str,
    status: str = "",
    stage: str = "",
    reason: str = "",
    changes: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Mission:
    """Bring a mission that the caller holds to another status or stage: one of the two. Its
    visits, the log, the work item, events and news follow in the same transaction.

    `stage` may name the very stage it is in: then that one begins again. Whether signatures and
    gates allow it the caller has asked; which moves there are at all is asked here, and by the
    database.
    """
    policy.require(actor, action, mission)
    now, begun, source = clock.now(), perf_counter(), _source(mission)
    if status:
        row = _to_status(mission, status, now, actor, action, reason, changes or {})
    else:
        row = _to_stage(mission, stage, now, actor, action, reason, details or {})
    if stage or (source == _DRAFT and row.is_under_way):
        _tell_entered(row, source, begun, actor)
    return row


def _source(mission: Mission) -> str:
    return _DRAFT if mission.status == Mission.Status.DRAFT else mission.stage


def _tell_entered(mission: Mission, source: str, begun: float, actor: Actor) -> None:
    """With how long the change itself took: what is asked of it is 150 ms."""
    back = source != _DRAFT and stages.not_later(mission.stage, source)
    said = {
        "from_stage": source,
        "to_stage": mission.stage,
        "status": "rolled_back" if back else "entered",
        "duration_ms": round(1000 * (perf_counter() - begun), 1),
    }
    status = {"status": "warning"} if back else {}
    tell(mission, "mission_stage_transition", said, actor=actor, **status)


# --- Status -------------------------------------------------------------------------------------


def _to_status(
    mission: Mission,
    status: str,
    now: datetime,
    actor: Actor,
    action: str,
    reason: str,
    changes: Mapping[str, Any],
) -> Mission:
    transitions.MISSION.step(mission.status, status)  # before anything is written
    before = mission.status
    changed: dict[str, Any] = {"changed_at": now, **changes}
    if before == Mission.Status.PAUSED:
        changed |= {"paused_at": None, "paused_by": "", "paused_cause": "", "pause_reason": "",
                    "held_too": []}  # fmt: skip
    if status in ENDED:
        changed |= {"closed_at": now}
        if before != Mission.Status.DRAFT:
            outcome = "completed" if status == Mission.Status.COMPLETED else "abandoned"
            _leave(visit_of(mission), outcome, now, actor, reason)
    advance(mission, status, actor=actor, action=action, reason=reason, changes=changed)
    if before == Mission.Status.DRAFT and status == Mission.Status.ACTIVE:
        _enter(mission, stages.FIRST, now, actor)
    _after_status(mission, before, actor, reason)
    return mission


def _after_status(mission: Mission, before: str, actor: Actor, reason: str) -> None:
    status = mission.status
    words = "is started" if before == Mission.Status.DRAFT else _SAID[status]
    said = f"{mission.ref} {words}{f': {reason}' if reason else '.'}"
    if status in ENDED:
        say(mission, said, actor=actor, close=f"{mission.get_status_display()}: {reason or said}")
    else:
        say(mission, said, actor=actor, status=_ITEM[status], stage=mission.stage)
    tell_status(mission, actor, reason)
    emit(mission, "started" if before == Mission.Status.DRAFT else status, reason=reason)
    if status == Mission.Status.COMPLETED:
        _tell_completed(mission, actor)
    if status == Mission.Status.PAUSED and mission.stage == "execute_observe":
        given = {"reason": reason, "initiated_by": actor.ref}
        tell(mission, "execution_paused", given, actor=actor)


def _tell_completed(mission: Mission, actor: Actor) -> None:
    durations: dict[str, float] = {}
    for visit in mission.visits.exclude(left_at=None):
        durations[visit.stage] = durations.get(visit.stage, 0) + visit.dwell.total_seconds()
    began = mission.started_at or mission.created_at
    assert mission.closed_at is not None
    tell(
        mission,
        "mission_completed",
        {
            "total_duration_seconds": max((mission.closed_at - began).total_seconds(), 0),
            "stage_durations": durations,
            "outcome_summary": mission.close_reason or "completed",
        },
        actor=actor,
    )


# --- Stage --------------------------------------------------------------------------------------


def _to_stage(
    mission: Mission,
    stage: str,
    now: datetime,
    actor: Actor,
    action: str,
    reason: str,
    details: Mapping[str, Any],
) -> Mission:
    source = mission.stage
    transitions.check_stage(mission.status, source, stage)
    onward = not stages.not_later(stage, source)
    left = visit_of(mission)
    _leave(left, "completed" if onward else "sent_back", now, actor, reason)
    rows = Mission.objects.filter(
        pk=mission.pk, status=mission.status, stage=source, version=mission.version
    )
    if not rows.update(stage=stage, changed_at=now, version=F("version") + 1):
        raise Conflict("Somebody moved it since you looked. Look again.")
    mission.stage, mission.changed_at, mission.version = stage, now, mission.version + 1
    entered = _enter(mission, stage, now, actor, dwelt=left)
    note(
        mission,
        action,
        actor=actor,
        before={"stage": source},
        after={"stage": stage, "attempt": entered.attempt},
        reason=reason,
        details={"transition": f"{source} -> {stage if onward else 'back'}", **plain(details)},
    )
    label, why = stages.get(stage).label, f": {reason}" if reason else "."
    words = f"goes on to {label}" if onward else f"goes back to {label}"
    say(mission, f"{mission.ref} {words}{why}", actor=actor, stage=stage)
    if not onward:
        for fall in GOING_BACK if stage != source else ():
            fall(mission, stage, actor, reason)
        tell_back(mission, actor, reason)
    emit(mission, "stage" if onward else "sent_back", attempt=entered.attempt, reason=reason)
    return mission


def _leave(visit: StageVisit, outcome: str, now: datetime, actor: Actor, reason: str) -> None:
    """A clock set back must not make time negative."""
    if visit.stage in LEAVING:
        LEAVING[visit.stage](visit.mission, actor, reason)
    visit.left_at, visit.outcome = max(now, visit.entered_at), outcome
    visit.left_by, visit.reason = actor.ref[:80], reason[:500]
    visit.save(update_fields=["left_at", "outcome", "left_by", "reason"])


def _enter(
    mission: Mission,
    stage: str,
    now: datetime,
    actor: Actor,
    *,
    dwelt: StageVisit | None = None,
) -> StageVisit:
    earlier = StageVisit.objects.filter(mission=mission, stage=stage)
    attempt = (earlier.aggregate(most=Max("attempt"))["most"] or 0) + 1
    began = max(now, dwelt.left_at) if dwelt is not None and dwelt.left_at is not None else now
    made = StageVisit.objects.create(
        mission=mission, stage=stage, attempt=attempt, entered_at=began, entered_by=actor.ref[:80]
    )
    for begin in ENTERING.get(stage, ()):
        begin(mission, actor)
    return made
