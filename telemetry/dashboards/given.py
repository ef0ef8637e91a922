"""Panels that other apps registered, and what reads elsewhere than in measures."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import DatabaseError

from controlplane.access import policy
from controlplane.base.registries import Panel as GivenPanel
from controlplane.catalog.models import DownInterval, Probe, Service, WatchPeriod
from controlplane.lib.actors import Actor
from telemetry import kpis as key_figures
from telemetry.dashboards.asked import Asked
from telemetry.dashboards.drawing import Drawn, drawer
from telemetry.dashboards.firing import of_series
from telemetry.dashboards.kinds import Dashboard, Panel
from telemetry.dashboards.reading import Read
from telemetry.dashboards.standing import WORST, of_verdict, worst
from telemetry.shown import figures

logger = logging.getLogger(__name__)
MOST_SERVICES = 30
Span = tuple[datetime, datetime | None]
_HEALTH = {"down": "bad", "up": "good", "degraded": "warn"}


def draw(given: GivenPanel, asked: Asked) -> Drawn:
    """One that fails is said to have failed; the others stand."""
    panel = Panel(given.slug, given.title, "later", about=given.about, size=given.size)
    try:
        answer = given.data(asked.question())
    except DatabaseError:
        raise
    except Exception:
        logger.exception("the panel %s of %s failed", given.slug, given.dashboard)
        return Drawn(panel, WORST["no_data"], waits="This part can't be read just now.")
    verdict = answer.verdict
    silent = answer.chart is None and not answer.rows and not answer.context
    return Drawn(
        panel,
        of_verdict(verdict.status) if verdict else WORST["no_data" if silent else "neutral"],
        chart=answer.chart,
        columns=answer.columns,
        rows=answer.rows,
        link=given.link,
        template=given.template,
        context={**answer.context, "said": verdict.text if verdict else ""},
    )


def laid_out(dashboard: Dashboard, actor: Actor) -> list[Panel | GivenPanel]:
    """Its panels in their places: what another app brings stands where it was missed."""
    given = {one.slug: one for one in dashboard.given() if policy.can(actor, one.action)}
    mine = {panel.slug for panel in dashboard.panels}
    found: list[Panel | GivenPanel] = [given.get(panel.slug, panel) for panel in dashboard.panels]
    return found + [one for slug, one in given.items() if slug not in mine]


# --- Services ---------------------------------------------------------------------------------


def _services(panel: Panel, read: Read, asked: Asked) -> Drawn:
    """Up and down as the catalog's probes saw it, and how each stands now."""
    if asked.workspace_id is None:
        return Drawn(panel, WORST["no_data"])
    rows = Service.objects.filter(workspace_id=asked.workspace_id).active()
    services = list(rows.order_by("tier", "name")[:MOST_SERVICES])
    watched, downs = _watched(services, asked), _downs(services, asked)
    health = _health(services)
    lanes, table, stands = [], [], []
    for service in services:
        state = health.get(service.pk, "unknown")
        fire = of_series(service.slug, read.firing)
        now = WORST[_HEALTH.get(state, "no_data")]
        stands.append(worst([now, *(each.standing for each in fire)]))
        lanes.append(
            {
                "name": service.name,
                "href": f"/admin/catalog/service/{service.uid}/change/",
                "spans": [
                    *_spans(watched.get(service.pk, []), "up", asked),
                    *_spans(downs.get(service.pk, []), "down", asked),
                ],
            }
        )
        table.append([service.name, state, stands[-1].slug, len(downs.get(service.pk, []))])
    chart = {
        "kind": "timeline",
        "title": panel.title,
        "heading": False,
        "period": asked.time.words,
        "tz": asked.tz,
        "start": asked.time.start,
        "end": asked.time.end,
        "lanes": lanes,
        "empty": "No probe looks at a service of this workspace.",
    }
    drawn = Drawn(panel, worst(stands), chart=chart)
    drawn.columns, drawn.rows = ["service", "probes", "state", "outages"], table
    drawn.link = "/admin/catalog/service/"
    return drawn


def _spans(periods: Iterable[Span], state: str, asked: Asked) -> list[dict[str, Any]]:
    return [
        {
            "start": max(start, asked.time.start),
            "end": min(end or asked.time.end, asked.time.end),
            "state": state,
        }
        for start, end in periods
        if start < asked.time.end and (end is None or end > asked.time.start)
    ]


def _watched(services: list[Service], asked: Asked) -> dict[int, list[Span]]:
    rows = WatchPeriod.objects.filter(
        probe__service__in=services, starts_at__lt=asked.time.end
    ).exclude(ends_at__lt=asked.time.start)
    found: dict[int, list[Span]] = {}
    for service, start, end in rows.values_list("probe__service_id", "starts_at", "ends_at"):
        found.setdefault(service, []).append((start, end))
    return found


def _downs(services: list[Service], asked: Asked) -> dict[int, list[Span]]:
    rows = DownInterval.objects.filter(service__in=services, starts_at__lt=asked.time.end).exclude(
        ends_at__lt=asked.time.start
    )
    found: dict[int, list[Span]] = {}
    for service, start, end in rows.values_list("service_id", "starts_at", "ends_at"):
        found.setdefault(service, []).append((start, end))
    return found


def _health(services: list[Service]) -> dict[int, str]:
    """The worst of its probes."""
    found: dict[int, str] = {}
    order = {"down": 0, "degraded": 1, "up": 2}
    rows = Probe.objects.filter(service__in=services, is_active=True)
    for service, health in rows.values_list("service_id", "health"):
        if order.get(health, 9) < order.get(found.get(service, ""), 9):
            found[service] = health
    return found


# --- Key figures ------------------------------------------------------------------------------


def _kpis(panel: Panel, read: Read, asked: Asked) -> Drawn:
    """The board as it is kept: of each figure its running period and the one before."""
    place = asked.workspace
    lines = key_figures.board(place, asked.actor) if place is not None else []
    stands = [figures.card(line).standing for line in lines]
    drawn = Drawn(panel, worst(stands))
    drawn.columns = list(figures.COLUMNS)
    drawn.rows = [
        figures.exported(line.kpi, row)
        for line in lines
        for row in (line.now, line.last)
        if row is not None
    ]
    return drawn


drawer("services", _services)
drawer("kpis", _kpis)
