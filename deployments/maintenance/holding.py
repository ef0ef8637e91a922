"""Windows, locked and as they are now. The graph of work comes first where items will be made or
moved (`hold_with_work`), then the work items they name, then the window, then its environment, its
notices and its request for consent: so nobody waits in a circle."""

from __future__ import annotations

from controlplane.catalog.models import Environment
from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.work.services import graph
from controlplane.work.services.referring import refer
from deployments.models import MaintenanceWindow

RELATED = ("workspace", "environment", "item__project", "review", "approval", "watcher")


def hold(window: MaintenanceWindow, *, version: int | None = None) -> MaintenanceWindow:
    """The window as it is now, locked until the transaction ends. With a version: only if nobody
    changed it since."""
    refer(window.item_id, window.review_id)
    rows = MaintenanceWindow.objects.select_for_update(of=("self",), no_key=True)
    row: MaintenanceWindow = rows.select_related(*RELATED).get(pk=window.pk)
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version, "status": row.status},
        )
    return row


def hold_with_work(window: MaintenanceWindow, *, version: int | None = None) -> MaintenanceWindow:
    """For what makes work items: after the graph's own turn. Whoever deletes an item holds the
    graph and comes for the item, which `hold` keeps."""
    graph.lock(window.workspace_id)
    return hold(window, version=version)


def hold_to_end(window: MaintenanceWindow, *, version: int | None = None) -> MaintenanceWindow:
    """An emergency owes its review, an item of its own, when it ends."""
    lock = hold_with_work if window.is_emergency else hold
    return lock(window, version=version)


def hold_place(window: MaintenanceWindow) -> None:
    """Of two that take a time in one place at once, the second sees the first."""
    Environment.objects.select_for_update(no_key=True).get(pk=window.environment_id)


def require_status(window: MaintenanceWindow, *statuses: str) -> None:
    if window.status not in statuses:
        wanted = " or ".join(status.replace("_", " ") for status in statuses)
        raise InvalidTransition(
            f"{window.ref} is {window.get_status_display().lower()}; "
            f"this is for one that is {wanted}.",
            details={"status": window.status, "legal": ", ".join(statuses)},
        )
