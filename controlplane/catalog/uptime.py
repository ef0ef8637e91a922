"""How long a service was there: from its down intervals, merged.

`range_agg` merges intervals that overlap (two probes of one outage count once). Time nobody
watched is no uptime: only watch periods are measured (a younger service, a probe that was off or
silent, the portal's own absence shorten the whole), and where there are none there is no figure.
Planned maintenance is taken out of both sides of the second figure, each window where it was:
work in staging is no excuse for production.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from controlplane.catalog.models import Service
from controlplane.lib import clock

Period = tuple[datetime, datetime]
# The environment's row, from and until.
Planned = tuple[int, datetime, datetime]
# (services, environment slug or "", start, end) -> by service, when it was worked on and where.
# Deployments register theirs.
Maintenance = Callable[
    [Sequence[Service], str, datetime, datetime], Mapping[int, Sequence[Planned]]
]
_maintenance: list[Maintenance] = []

_QUERY = """
WITH asked AS (
    SELECT service, number, tstzmultirange(tstzrange(a, b)) AS period
    FROM unnest(%(services)s::bigint[]) AS service
    CROSS JOIN unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[])
        WITH ORDINALITY AS p(a, b, number)
), watched AS (
    SELECT p.service_id AS service, p.environment_id AS place,
           range_agg(tstzrange(w.starts_at, w.ends_at)) AS during
    FROM catalog_watchperiod w
    JOIN catalog_probe p ON p.id = w.probe_id
    JOIN catalog_environment e ON e.id = p.environment_id
    WHERE p.service_id = ANY(%(services)s)
      AND (%(environment)s = '' OR e.slug = %(environment)s)
      AND w.starts_at < %(until)s AND (w.ends_at IS NULL OR w.ends_at > %(from)s)
    GROUP BY 1, 2
), down AS (
    SELECT d.service_id AS service, d.environment_id AS place,
           range_agg(tstzrange(d.starts_at, d.ends_at)) AS during
    FROM catalog_downinterval d JOIN catalog_environment e ON e.id = d.environment_id
    WHERE d.service_id = ANY(%(services)s)
      AND (%(environment)s = '' OR e.slug = %(environment)s)
      AND d.starts_at < %(until)s AND (d.ends_at IS NULL OR d.ends_at > %(from)s)
    GROUP BY 1, 2
), planned AS (
    SELECT w.service, w.place, range_agg(tstzrange(w.a, w.b)) AS during
    FROM unnest(%(planned)s::bigint[], %(planned_in)s::bigint[], %(planned_from)s::timestamptz[],
                %(planned_to)s::timestamptz[]) AS w(service, place, a, b)
    WHERE w.a < w.b GROUP BY 1, 2
), places AS (
    SELECT service, coalesce(watched.during, '{}') AS watched, coalesce(down.during, '{}') AS down,
           coalesce(planned.during, '{}') AS planned
    FROM watched FULL JOIN down USING (service, place) LEFT JOIN planned USING (service, place)
), services AS (
    SELECT service, range_agg(watched) AS watched, range_agg(down) AS down,
           range_agg(watched - planned) AS unplanned, range_agg(down - planned) AS unplanned_down
    FROM places GROUP BY 1
), parts AS (
    SELECT service, number, coalesce(watched, '{}') * period AS watched,
           coalesce(down * watched, '{}') * period AS down,
           coalesce(unplanned, '{}') * period AS unplanned,
           coalesce(unplanned_down * watched, '{}') * period AS unplanned_down
    FROM asked LEFT JOIN services USING (service)
)
SELECT service, number,
       (SELECT coalesce(sum(extract(epoch FROM upper(r) - lower(r))), 0) FROM unnest(watched) r),
       (SELECT coalesce(sum(extract(epoch FROM upper(r) - lower(r))), 0) FROM unnest(down) r),
       (SELECT coalesce(sum(extract(epoch FROM upper(r) - lower(r))), 0) FROM unnest(unplanned) r),
       (SELECT coalesce(sum(extract(epoch FROM upper(r) - lower(r))), 0)
        FROM unnest(unplanned_down) r)
FROM parts
"""


@dataclass(frozen=True, slots=True)
class Uptime:
    """Percentages; None where nothing was measured, which is neither 0 nor 100."""

    measured_s: float
    down_s: float
    percent: float | None
    unplanned_down_s: float
    percent_without_maintenance: float | None


_NOTHING = Uptime(0.0, 0.0, None, 0.0, None)


def maintenance(provider: Maintenance) -> Maintenance:
    """Register who knows of planned windows."""
    _maintenance.append(provider)
    return provider


def of(service: Service, start: datetime, end: datetime, *, environment: str = "") -> Uptime:
    """Uptime in [start, end), over all environments or one. What is yet to come is not up."""
    return over([service], [(start, end)], environment=environment)[service.pk][0]


def over(
    services: Sequence[Service], periods: Sequence[Period], *, environment: str = ""
) -> dict[int, list[Uptime]]:
    """Several services in several periods, in one statement: by the service's pk, in the order
    of the periods."""
    now = clock.now()
    ends = [min(end, now) for _, end in periods]
    found = {each.pk: [_NOTHING] * len(periods) for each in services}
    asked = [
        (number, start, end)
        for number, ((start, _), end) in enumerate(zip(periods, ends, strict=True))
        if start < end
    ]
    if not services or not asked:
        return found
    first, last = min(start for _, start, _ in asked), max(end for _, _, end in asked)
    planned = [
        (service, *window)
        for provider in _maintenance
        for service, windows in provider(services, environment, first, last).items()
        for window in windows
    ]
    parameters: dict[str, Any] = {
        "services": [each.pk for each in services],
        "environment": environment,
        "starts": [start for _, start, _ in asked],
        "ends": [end for _, _, end in asked],
        "from": first,
        "until": last,
        "planned": [service for service, _, _, _ in planned],
        "planned_in": [place for _, place, _, _ in planned],
        "planned_from": [a for _, _, a, _ in planned],
        "planned_to": [b for _, _, _, b in planned],
    }
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, parameters)
        for service, place, *seconds in cursor.fetchall():
            found[service][asked[place - 1][0]] = _figure(*map(float, seconds))
    return found


def _figure(whole: float, down: float, unplanned: float, unplanned_down: float) -> Uptime:
    return Uptime(
        measured_s=whole,
        down_s=down,
        percent=_percent(down, whole),
        unplanned_down_s=unplanned_down,
        percent_without_maintenance=_percent(unplanned_down, unplanned),
    )


def _percent(down: float, whole: float) -> float | None:
    return 100.0 * (1.0 - down / whole) if whole > 0 else None


def of_workspace(workspace_id: int, start: datetime, end: datetime) -> float | None:
    """The key figure: the worst of the active services in production, since one service that is
    away is felt whole, and an average would hide it."""
    services = Service.objects.filter(workspace_id=workspace_id).active()
    figures = [of(service, start, end, environment="production").percent for service in services]
    known = [figure for figure in figures if figure is not None]
    return min(known) if known else None
