"""Tickets, locked and as they are now. The graph of work comes first, then an incident, then its
tickets: nobody waits in a circle."""

from __future__ import annotations

from typing import Any

from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.work.services import graph
from incidents.models import SeverityLevel, Ticket
from incidents.records import levels

RELATED = (
    *("workspace", "service", "item__project", "incident", "assignee", "requester", "contact"),
    "duplicate_of",
)


def hold(ticket: Ticket, *, version: int | None = None) -> Ticket:
    rows = Ticket.objects.select_for_update(of=("self",), no_key=True).defer("search")
    row: Ticket = rows.select_related(*RELATED).get(pk=ticket.pk)
    require_seen(row, version)
    return row


def hold_with_work(ticket: Ticket, *, version: int | None = None) -> Ticket:
    """For what opens work items or incidents: after the graph's own turn."""
    graph.lock(ticket.workspace_id)
    return hold(ticket, version=version)


def require_seen(row: Ticket, version: int | None) -> None:
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version, "status": row.status},
        )


def require_open(row: Ticket) -> None:
    if not row.is_open:
        raise InvalidTransition(
            f"{row.ref} is {row.get_status_display().lower()}: open it again first.",
            details={"status": row.status},
        )


def put(row: Ticket, changes: dict[str, Any]) -> None:
    """Fields that are no state. A later look sees a later version."""
    changes = {**changes, "version": row.version + 1}
    Ticket.objects.filter(pk=row.pk).update(**changes)
    row.refresh_from_db(fields=[*changes, "due_at"])


def level_of(row: Ticket) -> SeverityLevel:
    """The rung of the ladder of support that it stands on."""
    return levels.of(row.workspace_id, "support")[row.priority]
