"""Rows, locked and as they are now, in one order, so that nobody waits in a circle: the graph of
work, the groups of alerts that arrive, alerts, the incident, its escalations and pages."""

from __future__ import annotations

from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.work.models import Item
from controlplane.work.services import graph
from incidents.models import Incident

RELATED = ("workspace", "service", "environment", "item__project")


def hold(incident: Incident, *, version: int | None = None) -> Incident:
    rows = Incident.objects.select_for_update(of=("self",), no_key=True)
    row: Incident = rows.select_related(*RELATED).get(pk=incident.pk)
    require_seen(row, version)
    return row


def require_seen(row: Incident, version: int | None) -> None:
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version, "status": row.status},
        )


def hold_with_work(incident: Incident, *, version: int | None = None) -> Incident:
    """For what opens work items: after the graph's own turn."""
    graph.lock(incident.workspace_id)
    return hold(incident, version=version)


def require_burning(incident: Incident) -> None:
    from_here = incident.get_status_display().lower()
    if not type(incident).objects.burning().filter(pk=incident.pk).exists():
        raise InvalidTransition(
            f"{incident.ref} is {from_here}: open it again first.",
            details={"status": incident.status},
        )


def stays_open(item: Item) -> str:
    """For whoever closes its item by hand: out of the queue of work nobody would see it burn."""
    row: Incident | None = Incident.objects.burning().filter(item=item).order_by("pk").first()
    if row is None:
        return ""
    return f"{row.ref} is {row.get_status_display().lower()}: resolve it first"
