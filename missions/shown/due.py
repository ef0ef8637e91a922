"""Missions that are late or due, for the agendas of meetings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from missions import links, stages
from missions.models import Mission
from missions.shown.glance import glance, with_now
from missions.shown.turn import deadline

MOST = 30
_AHEAD = timedelta(days=7)


def agenda(workspace_id: int, start: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:
    """What is late when people meet, and what falls due within a week; the latest first."""
    rows = Mission.objects.of(workspace_id).open().filter(due_on__lte=(end + _AHEAD).date())
    found = with_now(rows).select_related("owner").order_by("due_on", "pk")
    return [_item(row, end) for row in found[:MOST]]


def _item(row: Any, end: datetime) -> dict[str, Any]:
    due = deadline(row)
    stage = "" if row.status == Mission.Status.DRAFT else f"{stages.get(row.stage).label}: "
    return {
        "title": f"{row.ref} {row.title}",
        "url": links.page_of(row),
        "text": f"{stage}{glance(row).text}",
        "state": str(row.get_status_display()),
        "tone": "bad" if due <= end else "warn",
        "due": due,
        "who": row.owner.name or row.owner.email,
    }
