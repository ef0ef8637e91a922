"""Uptime, from the catalogue's down intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controlplane.catalog import uptime
from controlplane.catalog.models import Service
from telemetry.measures.kinds import NO_DATA, Filters, Period, Reading
from telemetry.measures.sharing import once


def compute(
    workspace_id: int | None, periods: Sequence[Period], group_by: str, filters: Filters
) -> list[Mapping[str, Reading]]:
    return _readings(workspace_id, periods, group_by, filters, unplanned=False)


def compute_unplanned(
    workspace_id: int | None, periods: Sequence[Period], group_by: str, filters: Filters
) -> list[Mapping[str, Reading]]:
    return _readings(workspace_id, periods, group_by, filters, unplanned=True)


def _readings(
    workspace_id: int | None,
    periods: Sequence[Period],
    group_by: str,
    filters: Filters,
    *,
    unplanned: bool,
) -> list[Mapping[str, Reading]]:
    if workspace_id is None:  # what is watched belongs to workspaces
        return [{} if group_by else {"": NO_DATA} for _ in periods]
    services = once(("services", workspace_id), lambda: _watched(workspace_id))
    wanted = filters.get("service")
    if wanted is not None:
        names = {wanted} if isinstance(wanted, str) else set(wanted)
        services = [each for each in services if each.slug in names]
    key = ("uptime", tuple(each.pk for each in services), tuple(periods))
    found = once(key, lambda: uptime.over(services, periods))
    answers: list[Mapping[str, Reading]] = []
    for number in range(len(periods)):
        known = {
            service.slug: Reading(percent, round(figure.measured_s))
            for service in services
            for figure in [found[service.pk][number]]
            if (percent := figure.percent_without_maintenance if unplanned else figure.percent)
            is not None
        }
        answers.append(known if group_by else {"": _worst(known)})
    return answers


def _watched(workspace_id: int) -> list[Service]:
    return list(Service.objects.filter(workspace_id=workspace_id).active().order_by("slug"))


def _worst(known: Mapping[str, Reading]) -> Reading:
    """One service that is away is felt whole; an average would hide it."""
    return min(known.values(), key=lambda reading: reading.value or 0.0, default=NO_DATA)
