"""Everything that happened to a mission, in one order, whoever did it: to the mission itself, to
its work item, and to what was asked at its checkpoints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from controlplane.approvals.models import Request
from controlplane.audit import words
from controlplane.audit.models import AuditEvent
from controlplane.lib.text import short
from missions.models import Mission, StageVisit
from missions.services.checkpoints import subject

MOST = 500


def timeline(mission: Mission, *, most: int = MOST, after: int = 0) -> list[dict[str, Any]]:
    """The oldest first. `after`: those later than the entry of this number."""
    rows = story(mission).filter(pk__gt=after)
    return [_entry(row) for row in rows.order_by("pk")[:most]]


def story(mission: Mission, visits: Iterable[StageVisit] | None = None) -> Any:
    """For whoever may see the mission: what happened to it is part of it. What was refused is the
    business of those who read the log."""
    rows = AuditEvent.objects.about_any(subjects(mission, visits))
    return rows.filter(workspace_id=mission.workspace_id).exclude(outcome="denied")


def subjects(mission: Mission, visits: Iterable[StageVisit] | None = None) -> list[Any]:
    """What the mission's story is told of: itself, its work item, every question ever asked at its
    checkpoints."""
    known = StageVisit.objects.filter(mission=mission) if visits is None else visits
    asked = Request.objects.of(mission.workspace_id).filter(
        owner="missions.checkpoint", subject__in=[subject(each) for each in known]
    )
    item = [mission.item] if mission.item is not None else []
    return [mission, *item, *asked]


def _entry(row: AuditEvent) -> dict[str, Any]:
    return {
        "number": row.pk,
        "at": row.at,
        "who": row.actor_label,
        "kind": row.actor_kind,
        "action": row.action,
        "words": words.sentence(row),
        "about": short(row.subject_label, 120),
        "reason": row.reason,
        "stage": _stage(row),
    }


def _stage(row: AuditEvent) -> str:
    found = row.after.get("stage", "") if isinstance(row.after, dict) else ""
    return found if isinstance(found, str) else ""
