"""Everything that happened to a mission, in one order, whoever did it: to the mission itself, to
its work item, and to what was asked at its checkpoints."""

from __future__ import annotations

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
    rows = (
        AuditEvent.objects.about_any(_subjects(mission))
        .filter(pk__gt=after)
        .exclude(outcome="denied")
    )
    return [_entry(row) for row in rows.order_by("pk")[:most]]


def _subjects(mission: Mission) -> list[Any]:
    visits = StageVisit.objects.filter(mission=mission)
    asked = Request.objects.of(mission.workspace_id).filter(
        owner="missions.checkpoint", subject__in=[subject(each) for each in visits]
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
