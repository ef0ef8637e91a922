"""How often production is released, and how many of its releases fail, as key figures of a week."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from controlplane.base.registries import Kpi, Parts, kpis
from controlplane.catalog.models import Environment
from deployments import numbers
from deployments.models import Deployment
from deployments.overview import changes, dora, words

WEEK = timedelta(days=7)
PAGE = "/admin/deployments/dora/"


def _scheduled(workspace_id: int) -> list[Environment]:
    """Environments that say how often they are released: production, as a workspace begins."""
    rows = Environment.objects.filter(workspace=workspace_id, releases_per_week__isnull=False)
    return list(rows.order_by("order"))


def releases(workspace_id: int, start: datetime, end: datetime) -> Parts:
    """None while nothing was ever released there: it is no lapse not to have begun."""
    places = _scheduled(workspace_id)
    landed = Deployment.objects.filter(environment__in=places).landed()
    if not landed.filter(deployed_at__lt=end).exists():
        return Parts(None)
    done = landed.filter(status="completed", closed_at__gte=start, closed_at__lt=end)
    number = done.exclude(kind="rollback").count()
    least, most = numbers.RELEASES_MIN.value, max(each.releases_per_week or 0 for each in places)
    value = number / ((end - start) / WEEK)
    return Parts(value, number, None, f"planned are {least} to {most} a week")


def failures(workspace_id: int, start: datetime, end: datetime) -> Parts:
    every = [
        one for place in _scheduled(workspace_id) for one in changes.read(place, start, end).changes
    ]
    figure = dora.failure_rate(every, 1)
    if figure.value is None:
        return Parts(None)
    return Parts(100 * figure.value, len(figure.rows), figure.n)


def _value(
    tell: Callable[[int, datetime, datetime], Parts], place: int, start: datetime, end: datetime
) -> float | None:
    return tell(place, start, end).value


def register() -> None:
    kpis.register(
        Kpi(
            slug="deployments.releases",
            title="Releases to production a week",
            unit="",
            formula="deployments completed in the week where releases are planned; no rollbacks",
            compute=partial(_value, releases),
            parts=releases,
            target=numbers.RELEASES_MIN.value,
            cadence=WEEK,
            link=PAGE,
            action="deployment.view",
            source="a deployment that became live in production",
            on_home=False,
        )
    )
    kpis.register(
        Kpi(
            slug="deployments.failures",
            title="Change failure rate",
            unit="%",
            formula=words.ABOUT["failure_rate"][1].rstrip("."),
            compute=partial(_value, failures),
            parts=failures,
            better="lower",
            cadence=WEEK,
            link=PAGE,
            action="deployment.view",
            source="a deployment that became live in production",
            min_sample=numbers.DORA_LEAST.value,
            on_home=False,
        )
    )
