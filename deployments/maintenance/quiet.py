"""What a window keeps quiet and away: alerts of its services, other work in its environment, its
share of the time a service was down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from controlplane.catalog.models import Service
from controlplane.lib import clock
from deployments.maintenance import standing
from deployments.models import Deployment, MaintenanceWindow

Period = tuple[datetime, datetime]


def other_window(deployment: Deployment, at: datetime) -> str:
    """For the check that nothing else is under way: the window whose time it is then. What is a
    part of the window's own work goes."""
    rows = MaintenanceWindow.objects.of(deployment.workspace_id).at(at)
    rows = rows.filter(environment=deployment.environment_id)
    parent = deployment.item.parent_id if deployment.item is not None else None
    if parent is not None:
        rows = rows.exclude(item=parent)
    found = rows.order_by("starts_at", "pk").first()
    return f"Maintenance: {standing.named(found)}" if found is not None else ""


def silencing(
    workspace_id: int,
    *,
    service: Service | int | None = None,
    environment: str = "",
    at: datetime | None = None,
) -> MaintenanceWindow | None:
    """The window that keeps alerts of this service silent: it is being worked on. Without a
    service: one that concerns the whole environment."""
    at = at or clock.now()
    rows = MaintenanceWindow.objects.of(workspace_id).filter(
        status="in_progress", started_at__lte=at
    )
    if environment:
        rows = rows.filter(environment__slug=environment)
    wanted = service.pk if isinstance(service, Service) else service
    for row in rows.prefetch_related("parts").order_by("started_at", "pk"):
        named = standing.service_ids(row)
        if not named or wanted in named:
            found: MaintenanceWindow = row
            return found
    return None


def planned(service: Service, environment: str, start: datetime, end: datetime) -> Sequence[Period]:
    """When this service was worked on as planned, for the second of the uptime figures. An
    emergency was not planned."""
    rows = MaintenanceWindow.objects.of(service.workspace_id).within(start, end)
    rows = rows.filter(kind="scheduled", started_at__isnull=False)
    if environment:
        rows = rows.filter(environment__slug=environment)
    return [
        (row.started_at, row.finished_at or row.ends_at)
        for row in _concerning(rows.prefetch_related("parts"), service.pk)
        if row.started_at is not None
    ]


def _concerning(rows: Iterable[MaintenanceWindow], service_id: int) -> Iterable[MaintenanceWindow]:
    for row in rows:
        named = standing.service_ids(row)
        if not named or service_id in named:
            yield row
