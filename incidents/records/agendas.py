"""What incidents put on the agendas of the stand-up, the weekly sync and the council."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from incidents.links import page_of
from incidents.models import Incident
from missions.learning import agenda

Lines = Sequence[Mapping[str, Any]]
MOST = agenda.MOST + 1


def _level(row: Incident) -> str:
    return row.severity.upper().replace("SEV", "SEV-")


def burning(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """The gravest first, each with when its next update is due."""
    rows = Incident.objects.of(workspace_id).burning().exclude(status="cancelled")
    return [
        {"title": f"{row.ref} {row.title}", "url": page_of(row), "due": row.next_update_at,
         "state": f"{_level(row)}, {row.get_status_display().lower()}",
         "text": "Next update due" if row.next_update_at else "",
         "tone": "bad" if row.severity in {"sev1", "sev2"} else "warn"}
        for row in rows.order_by("severity", "pk")[:MOST]
    ]  # fmt: skip


def since(workspace_id: int, start: datetime, end: datetime) -> Lines:
    """Those that began since the meeting before and are over, with what was found to be why."""
    rows = Incident.objects.of(workspace_id).exclude(origin="drill").exclude(resolved_at=None)
    return [
        {"title": f"{row.ref} {row.title}", "url": page_of(row), "text": row.root_cause[:300],
         "state": _level(row), "tone": "neutral"}
        for row in rows.filter(opened_at__gte=start, opened_at__lt=end).order_by("pk")[:MOST]
    ]  # fmt: skip


def register() -> None:
    add = agenda.section
    add("incidents.burning", ("standup", "ops_sync"), "Incidents", items=burning, order=2)
    add("incidents.since", ("ops_sync", "council", "retro"), "Incidents since the last one",
        items=since, order=6)  # fmt: skip
