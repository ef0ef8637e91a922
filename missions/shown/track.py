"""The five stages of a mission: which are behind it, how often it was in each, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.approvals import links as approval_links
from controlplane.lib.lasting import lasted
from missions import stages
from missions.models import Mission, StageVisit


@dataclass(frozen=True, slots=True)
class Place:
    """One stage. `mark`: done, here, ahead; or what became of the mission in it."""

    stage: stages.Stage
    mark: str
    visits: int = 0
    sent_back: int = 0
    stayed: timedelta | None = None  # of the visits that are over
    since: datetime | None = None  # it is here
    note: str = ""


def track(mission: Mission, visits: list[StageVisit]) -> list[Place]:
    found = []
    for stage in stages.STAGES.values():
        own = [each for each in visits if each.stage == stage.slug]
        open_ = next((each for each in own if each.is_open), None)
        closed = [each.dwell for each in own if not each.is_open]
        found.append(
            Place(
                stage,
                _mark(mission, stage, own),
                len(own),
                sum(1 for each in own if each.outcome == StageVisit.Outcome.SENT_BACK),
                sum(closed, timedelta()) if closed else None,
                open_.entered_at if open_ is not None else None,
                _note(mission, stage),
            )
        )
    return found


def _mark(mission: Mission, stage: stages.Stage, own: list[StageVisit]) -> str:
    if mission.status == Mission.Status.DRAFT:
        return "ahead"
    if stage.slug == mission.stage:
        return {"active": "here", "completed": "done"}.get(mission.status, mission.status)
    here = stages.get(mission.stage).position
    if stage.position < here:
        return "done"
    return "again" if own else "ahead"


def _note(mission: Mission, stage: stages.Stage) -> str:
    if stage.slug != mission.stage or mission.status in {"draft", "active", "completed"}:
        return ""
    return str(mission.get_status_display())


VISITS = (
    ("stage", "Stage"),
    ("state", "Outcome", "state"),
    ("entered_at", "Entered", "when"),
    ("dwell", "Stayed", "duration"),
    ("approval", "Checkpoint", "link"),
    ("reason", "Why"),
)


def visit_rows(visits: list[StageVisit]) -> list[dict[str, Any]]:
    """The newest first."""
    return [_visit(each) for each in reversed(visits)]


def _visit(visit: StageVisit) -> dict[str, Any]:
    request = visit.approval
    tone = {"": "info", "completed": "good", "sent_back": "warn"}.get(visit.outcome, "neutral")
    said = visit.get_outcome_display() if visit.left_at else "Here now"
    return {
        "stage": str(visit),
        "state": {"value": said, "tone": tone},
        "entered_at": visit.entered_at,
        "dwell": lasted(visit.entered_at, visit.left_at),
        "approval": {"text": request.ref, "url": approval_links.page_of(request)}
        if request is not None
        else "",
        "reason": visit.reason,
    }
