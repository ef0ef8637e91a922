"""What the pages of a drill and of its incident show of a game day."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from incidents import links
from incidents.gamedays import playing, script
from incidents.models import Drill, Incident

_TONES = {"in time": "good", "late": "warn", "never": "bad", "now": "info", "ahead": "neutral"}


@dataclass(frozen=True, slots=True)
class Line:
    played: playing.Played
    state: str

    @property
    def tone(self) -> str:
        return _TONES[self.state]


def of_drill(row: Drill) -> dict[str, Any]:
    """Its script, stretch by stretch, and what comes next."""
    incident = row.incident
    if incident is None:
        return {"stretches": []}
    played = playing.measure(row, incident)
    running = row.status == Drill.Status.RUNNING
    following = playing.next_of(played) if running else None
    lines = [Line(each, _state(each, following, running)) for each in played]
    return {
        "stretches": [
            (name, list(some))
            for name, some in groupby(lines, lambda one: one.played.phase.stretch)
        ],
        "following": following,
        "scene": script.SCENES.get(row.asked.get("scene", "")),
        "room": links.page_of(incident),
        "incident": incident,
        "points": round(sum(each.points for each in played)),
        "running": running,
    }


def _state(each: playing.Played, following: playing.Played | None, running: bool) -> str:
    if each.took is not None:
        return "late" if each.late else "in time"
    if not running:
        return "never"
    return "now" if each is following else "ahead"


def of_incident(row: Incident) -> dict[str, Any] | None:
    """On the page of an incident that is played."""
    if row.origin != "drill":
        return None
    drill = row.drills.filter(kind=Drill.Kind.GAME_DAY).first()
    if drill is None:
        return None
    return {"drill": drill, "page": links.page_of(drill), **of_drill(drill)}
