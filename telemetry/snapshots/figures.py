"""The figures of a snapshot: every measure of the dashboards that should be something."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from telemetry import measures
from telemetry.dashboards import DASHBOARDS
from telemetry.measures import Measure
from telemetry.models import RuleState
from telemetry.snapshots.rate import ingestion_rate

Line = dict[str, Any]
# How the worst of some figures is found. Nothing known is no good news.
WORST = {"bad": 0, "warn": 1, "good": 2}
RATE = "ingestion.rate"


def lines(workspace_id: int, start: datetime, end: datetime) -> list[Line]:
    """By dashboard, each measure once, beside its value of as long a time before."""
    before = start - (end - start)
    found: list[Line] = []
    seen: set[str] = set()
    for dashboard in DASHBOARDS.values():
        some = [each for each in dashboard.measures() if each.slug not in seen and _is_key(each)]
        seen |= {each.slug for each in some}
        now = measures.read_many(some, workspace_id, start, end)
        then = measures.read_many(some, workspace_id, before, start)
        found += [_line(dashboard.title, each, now[each.slug], then[each.slug]) for each in some]
    found.append(_rate(workspace_id, end))
    return found


def _is_key(measure: Measure) -> bool:
    return measure.better != "neutral" and (measure.target is not None or measure.warn is not None)


def _line(area: str, measure: Measure, now: Any, then: Any) -> Line:
    reading = now.get("", measures.NO_DATA)
    return {
        "area": area,
        "measure": measure.slug,
        "title": measure.title,
        "unit": measure.unit,
        "value": reading.value,
        "sample": reading.sample,
        "target": measure.target,
        "warn": measure.warn,
        "better": measure.better,
        "state": measure.state(reading),
        "before": then.get("", measures.NO_DATA).value,
        "installation": measure.installation,
    }


def _rate(workspace_id: int, end: datetime) -> Line:
    rate = ingestion_rate(workspace_id, end)
    states = {"ok": "good", "deviation": "warn", "insufficient_baseline": "no_data"}
    return {
        "area": "Ingestion",
        "measure": RATE,
        "title": "Events per minute, of the usual rate",
        "unit": "times",
        "value": rate.ratio,
        "sample": rate.weeks,
        "target": None,
        "warn": None,
        "better": "neutral",
        "state": states[rate.verdict],
        "before": None,
        "installation": False,
        "note": rate.words,
    }


def standing(found: Sequence[Line]) -> str:
    """The worst state of the workspace's own. Where nobody tells anything: no data."""
    known = [line["state"] for line in found if line["state"] in WORST and not line["installation"]]
    return min(known, key=WORST.__getitem__) if known else "no_data"


def notices(workspace_id: int, end: datetime) -> list[str]:
    """Alerts that fired then and had not ended."""
    firing = (
        RuleState.objects.filter(
            workspace_id=workspace_id, status=RuleState.Status.FIRING, fired_at__lte=end
        )
        .select_related("rule")
        .order_by("fired_at")[:50]
    )
    return [
        f"{state.rule.title}{f' ({state.series})' if state.series else ''} fires since"
        f" {state.fired_at:%Y-%m-%d %H:%M} UTC."
        for state in firing
        if state.fired_at
    ]
