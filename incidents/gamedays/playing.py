"""A game day is begun, played on its incident's page, scored against the clocks, and kept as a
drill. Who plays is really called; nothing acts by itself, customers read nothing of it, and it
counts in no figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.states import advance, plain
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import Conflict
from controlplane.lib.given import line, refuse, text
from incidents.gamedays import script
from incidents.models import Drill, Incident
from incidents.paging import runs
from incidents.paging.drilling import ACTION
from incidents.records import levels, moving
from incidents.records.noting import PORTAL, note
from incidents.records.opening import open_incident

ENDS = "game_day.ends"
LASTS_H = define(
    "game_day.lasts_hours", 72, unit="hours",
    why="Its review is due within 48 hours; one that nobody ends is over a day later.",
)  # fmt: skip
_AWAY = ("detected", "triaged", "mitigating")
_WATCHED = ("mitigated", "monitoring")


@transaction.atomic
def begin_game_day(
    workspace: Workspace,
    *,
    actor: Actor,
    scene: str,
    severity: str = "sev1",
    title: str = "",
    reason: str = "",
) -> Drill:
    """Open an incident that says that it is played, and call for it as for a real one."""
    policy.require(actor, ACTION, workspace)
    played = script.SCENES.get(scene)
    if played is None:
        raise refuse("scene", f"One of {', '.join(script.SCENES)}.")
    level = levels.level(workspace.pk, severity)
    if not level.pages:
        raise refuse("severity", f"{level.title} calls nobody: there is nothing to play.")
    why = text("reason", reason, 500, required=True)
    title = line("title", title, 150) or played.title
    incident = open_incident(
        workspace, actor=PORTAL, title=f"Game day: {title}"[:200], severity=severity,
        category=played.category, origin="drill", pages=False, runbook=played.runbook,
        summary=f"This is a game day: answer it as you would a real one.\n\n{played.symptoms}",
    )  # fmt: skip
    row = Drill.objects.create(
        workspace=workspace, kind=Drill.Kind.GAME_DAY, title=title, incident=incident,
        runbook=played.runbook, started_by=actor.ref[:80],
        asked={"severity": level.code, "scene": played.slug, "phases": script.goals(level)},
    )  # fmt: skip
    advance(row, "running", actor=actor, reason=why, changes={"started_at": clock.now()})
    runs.begin(incident, policy=level.policy, why="drill", actor=actor, also=level.at_once)
    timers.set_timer(
        ENDS, key=_key(row), due_at=clock.now() + timedelta(hours=LASTS_H.value),
        workspace_id=workspace.pk, payload={"drill": row.pk},
    )  # fmt: skip
    note(incident, "incident.play", actor=actor, reason=why,
         said=f"{incident.ref} is a game day: {title}.", after={"drill": str(row.uid)})  # fmt: skip
    return row


@transaction.atomic
def end_game_day(drill: Drill, *, actor: Actor, reason: str = "It was played to its end.") -> Drill:
    """Measured phase by phase, and scored. What still burns of it is put away."""
    row, incident = _held(drill)
    seen = {each.phase.slug: each.took for each in measure(row, incident)}
    score = round(sum(each.points for each in measure(row, incident)))
    changes = {"ended_at": clock.now(), "seen": {"phases": seen}, "score": score}
    advance(row, "done", actor=actor, changes=changes, reason=reason)
    timers.cancel_timer(_key(row))
    _put_away(incident, reason)
    return row


@transaction.atomic
def cancel_game_day(drill: Drill, *, actor: Actor, reason: str) -> Drill:
    """It is broken off: nothing is scored."""
    row, incident = _held(drill)
    advance(row, "cancelled", actor=actor, reason=reason)
    timers.cancel_timer(_key(row))
    _put_away(incident, reason)
    return row


def _held(drill: Drill) -> tuple[Drill, Incident]:
    rows = Drill.objects.select_for_update(of=("self",), no_key=True)
    row: Drill = rows.get(pk=drill.pk)
    if row.kind != Drill.Kind.GAME_DAY:
        raise Conflict("It is no game day.")
    return row, Incident.objects.get(drills=row)


def _put_away(incident: Incident, reason: str) -> None:
    """Nobody is called for it any more. One that was mitigated goes back first: only what is
    worked on can be called off."""
    if incident.status in _WATCHED:
        incident = moving.mitigate(incident, actor=PORTAL, reason=reason)
    if incident.status in _AWAY:
        moving.cancel(incident, actor=PORTAL, reason=reason)


@timers.on(ENDS)
def time_is_up(timer: Timer) -> None:
    row = Drill.objects.filter(pk=timer.payload["drill"], status=Drill.Status.RUNNING).first()
    if row is not None:
        end_game_day(row, actor=PORTAL, reason="Its time was up.")


def _key(row: Drill) -> str:
    return f"{ENDS}:{row.uid}"


# --- How far it went ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Played:
    """One phase as it was played. `took`: seconds from the beginning; None: not done (yet)."""

    phase: script.Phase
    goal: int
    worth: int
    took: float | None
    due: datetime | None

    @property
    def late(self) -> bool:
        return self.took is not None and self.took > self.goal

    @property
    def points(self) -> float:
        """All of it in time, half of it late, nothing where it was not done."""
        if self.took is None:
            return 0.0
        return self.worth / 2 if self.late else float(self.worth)


def measure(drill: Drill, incident: Incident) -> list[Played]:
    """What is over stays as it was scored."""
    kept: Mapping[str, Any] | None = drill.seen.get("phases")
    asked = {each["slug"]: each for each in drill.asked.get("phases", [])}
    found = []
    for phase in script.PHASES:
        goal = asked.get(phase.slug)
        if goal is None:
            continue
        took = kept.get(phase.slug) if kept is not None else _took(drill, phase.seen(incident))
        due = drill.started_at + timedelta(seconds=goal["goal_s"]) if drill.started_at else None
        found.append(Played(phase, goal["goal_s"], goal["worth"], took, due))
    return found


def _took(drill: Drill, at: datetime | None) -> float | None:
    if at is None or drill.started_at is None:
        return None
    return max(0.0, (at - drill.started_at).total_seconds())


def next_of(played: list[Played]) -> Played | None:
    """The first that is not done."""
    return next((each for each in played if each.took is None), None)


def said(drill: Drill, incident: Incident) -> list[dict[str, Any]]:
    """For the API and files."""
    return [
        {"slug": each.phase.slug, "stretch": each.phase.stretch, "label": each.phase.label,
         "goal_s": each.goal, "worth": each.worth, "took_s": each.took, "late": each.late,
         "due_at": plain(each.due), "points": each.points}
        for each in measure(drill, incident)
    ]  # fmt: skip
