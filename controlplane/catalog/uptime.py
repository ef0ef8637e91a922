"""How long a service was there: from its down intervals, merged.

`range_agg` merges intervals that overlap (two probes of one outage count once). Time nobody
watched is no uptime: only watch periods are measured (a younger service, a probe that was off or
silent, the portal's own absence shorten the whole), and where there are none there is no figure.
Planned maintenance is taken out of both sides of the second figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from controlplane.catalog.models import Service
from controlplane.lib import clock

Period = tuple[datetime, datetime]
# (service, environment slug or "", start, end) -> planned windows. Deployments register theirs.
Maintenance = Callable[[Service, str, datetime, datetime], Sequence[Period]]
_maintenance: list[Maintenance] = []

_QUERY = """
WITH window_asked AS (
    SELECT tstzrange(%(start)s, %(end)s) AS period
), watched AS (
    SELECT coalesce(range_agg(tstzrange(w.starts_at, w.ends_at) * period), '{}') AS during
    FROM window_asked, catalog_watchperiod w
    JOIN catalog_probe p ON p.id = w.probe_id
    JOIN catalog_environment e ON e.id = p.environment_id
    WHERE p.service_id = %(service)s AND (%(environment)s = '' OR e.slug = %(environment)s)
), down AS (
    SELECT coalesce(range_agg(tstzrange(d.starts_at, d.ends_at)), '{}') AS during
    FROM catalog_downinterval d JOIN catalog_environment e ON e.id = d.environment_id
    WHERE d.service_id = %(service)s AND (%(environment)s = '' OR e.slug = %(environment)s)
      AND d.starts_at < %(end)s AND (d.ends_at IS NULL OR d.ends_at > %(start)s)
), planned AS (
    SELECT coalesce(range_agg(tstzrange(w.a, w.b)), '{}') AS during
    FROM unnest(%(from)s::timestamptz[], %(to)s::timestamptz[]) AS w(a, b) WHERE w.a < w.b
), parts AS (
    SELECT watched.during AS whole,
           down.during * watched.during AS down,
           watched.during - planned.during AS unplanned,
           (down.during - planned.during) * watched.during AS unplanned_down
    FROM watched, down, planned
)
SELECT (SELECT coalesce(sum(extract(epoch FROM upper(r) - lower(r))), 0) FROM unnest(whole) r),
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


def maintenance(provider: Maintenance) -> Maintenance:
    """Register who knows of planned windows."""
    _maintenance.append(provider)
    return provider


def of(service: Service, start: datetime, end: datetime, *, environment: str = "") -> Uptime:
    """Uptime in [start, end), over all environments or one. What is yet to come is not up."""
    end = min(end, clock.now())
    if start >= end:
        return Uptime(0.0, 0.0, None, 0.0, None)
    planned = [
        period for provider in _maintenance for period in provider(service, environment, start, end)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            _QUERY,
            {
                "service": service.pk,
                "environment": environment,
                "start": start,
                "end": end,
                "from": [a for a, _ in planned],
                "to": [b for _, b in planned],
            },
        )
        row = cursor.fetchone()
    whole, down, unplanned, unplanned_down = (float(x) for x in row or (0, 0, 0, 0))
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
