"""What a window keeps quiet and away: alerts of its services, other work in its environment, its
share of the time a service was down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from controlplane.catalog.models import Environment, Service
from deployments.maintenance import links, numbers, standing
from deployments.models import Deployment, MaintenanceWindow
from telemetry.rules.silence import Concern, Quiet

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


def silencing(asked: Concern) -> Quiet | None:
    """For the alerts: the window in which all of these services are worked on. What names no
    service is silent where everything is; what names no environment, where real data is."""
    at = asked.at
    rows = MaintenanceWindow.objects.of(asked.workspace_id).filter(
        status="in_progress",
        started_at__lte=at,
        ends_at__gt=at - timedelta(hours=numbers.QUIET_HOURS.value),
    )
    if len(asked.environments) > 1:
        return None  # a part of it is worked on; the rest has to be heard
    if asked.environments:
        rows = rows.filter(environment__slug=asked.environments[0])
    else:
        rows = rows.filter(environment__data_class=Environment.DataClass.REAL)
    for row in rows.prefetch_related("parts__service").order_by("started_at", "pk"):
        named = {part.service.slug for part in row.parts.all()}
        if not named or (asked.services and named.issuperset(asked.services)):
            return Quiet(f"{row.ref} {row.title}", links.window(row))
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
