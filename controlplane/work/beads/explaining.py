"""Why an item is ready, or is not."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from controlplane.work import vocabulary
from controlplane.work.beads import gathering
from controlplane.work.beads.asking import Call
from controlplane.work.models import Dependency, Item

_MOST_BLOCKED = 200


def explained(call: Call, items: list[Item]) -> dict[str, Any]:
    ready = [_why_ready(row) for row in gathering.listed(items)]
    waiting = call.project.items.waiting().order_by("priority", "-created_at", "id")
    held = list(gathering.light(waiting)[:_MOST_BLOCKED])
    total_blocked = waiting.count() if len(held) == _MOST_BLOCKED else len(held)
    return {
        "ready": ready,
        "blocked": _why_blocked(held),
        # Refused when they are made, hence never any; `dep cycles` looks anew.
        "cycles": [],
        "summary": {
            "total_ready": len(ready),
            "total_blocked": total_blocked,
            "cycle_count": 0,
        },
    }


def _why_ready(row: dict[str, Any]) -> dict[str, Any]:
    """What stood before it is done, or nothing ever stood there."""
    resolved = [
        each["depends_on_id"]
        for each in row.get("dependencies", ())
        if each["type"] in vocabulary.BLOCKING and each.get("status")
    ]
    count = len(resolved)
    reason = f"{count} blocker(s) resolved" if resolved else "no blocking dependencies"
    return {**row, "reason": reason, "resolved_blockers": resolved}


def _why_blocked(items: list[Item]) -> list[dict[str, Any]]:
    by_item: dict[int, list[dict[str, Any]]] = {}
    edges = holding([item.pk for item in items]).select_related("target")
    for edge in edges.defer("target__search"):
        target = edge.target
        by_item.setdefault(edge.item_id, []).append(
            {
                "id": target.key,
                "title": target.title,
                "status": target.status,
                "priority": target.priority,
                "type": edge.kind,
            }
        )
    found = []
    for row, item in zip(gathering.listed(items), items, strict=True):
        by = by_item.get(item.pk, [])
        found.append({**row, "blocked_by": by, "blocked_by_count": len(by)})
    return found


def holding(ids: list[int]) -> Any:
    """The edges that hold these up: blockers at work, children awaited, a parent that waits."""
    held = (
        Q(kind__in=vocabulary.BLOCKING, target__active=True)
        | Q(kind=vocabulary.WAITS, unmet=True)
        | Q(kind=vocabulary.PARENT, target__blocked=True)
    )
    return Dependency.objects.filter(held, item_id__in=ids).order_by("id")
