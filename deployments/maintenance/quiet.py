"""What a window keeps quiet and away: alerts of its services, other work in its environment, its
share of the time a service was down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from controlplane.catalog.models import Environment, Service
from deployments.maintenance import links, numbers, standing
from deployments.models import Deployment, MaintenanceWindow
from telemetry.rules.silence import Concern, Quiet

# The environment's row, from and until.
Planned = tuple[int, datetime, datetime]


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


def planned(
    services: Sequence[Service], environment: str, start: datetime, end: datetime
) -> Mapping[int, Sequence[Planned]]:
    """When each of these services was worked on as planned, and where, for the second of the uptime
    figures. An emergency was not planned; what a window doesn't name it excuses nothing of."""
    found: dict[int, list[Planned]] = {service.pk: [] for service in services}
    rows = MaintenanceWindow.objects.within(start, end).filter(
        workspace__in={service.workspace_id for service in services},
        kind="scheduled",
        started_at__isnull=False,
    )
    if environment:
        rows = rows.filter(environment__slug=environment)
    for row in rows.prefetch_related("parts"):
        if row.started_at is None:
            continue
        named = standing.service_ids(row)
        span = row.environment_id, row.started_at, row.finished_at or row.ends_at
        for service in services:
            here = service.workspace_id == row.workspace_id
            if here and (not named or service.pk in named):
                found[service.pk].append(span)
    return found
