"""Alerts that fire now, where their figures are drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.urls import reverse

from telemetry.dashboards.asked import Asked
from telemetry.dashboards.standing import WORST, Standing
from telemetry.models import RuleState

MOST = 100
SHOWN = 4
_STANDING = {"critical": "bad", "warning": "warn"}


@dataclass(frozen=True, slots=True)
class Firing:
    title: str
    series: str
    severity: str
    since: datetime
    url: str

    @property
    def standing(self) -> Standing:
        return WORST[_STANDING.get(self.severity, "neutral")]


Found = Mapping[str, Sequence[Firing]]


def of(asked: Asked) -> Found:
    """By the measure that each looks at: of the workspace, and of the installation for whoever
    may see it."""
    mine = Q(workspace_id=asked.workspace_id) if asked.workspace_id is not None else Q(pk=None)
    if asked.sees_installation:
        mine |= Q(workspace=None)
    rows: Any = RuleState.objects.filter(mine, status="firing").select_related("rule")
    found: dict[str, list[Firing]] = {}
    for row in rows.order_by("-since")[:MOST]:
        url = reverse("admin:telemetry_rulestate_change", args=(getattr(row, "uid", row.pk),))
        found.setdefault(row.rule.measure, []).append(
            Firing(row.rule.title, row.series, row.rule.severity, row.since, url)
        )
    return found


def about(measures: Iterable[str], found: Found) -> list[Firing]:
    """Those that look at one of these, the gravest first."""
    every = [each for slug in dict.fromkeys(measures) for each in found.get(slug, ())]
    return sorted(every, key=lambda each: (each.standing.rank, each.title))


def of_series(name: str, found: Found) -> list[Firing]:
    """Those about this one thing, such as a service."""
    return [each for some in found.values() for each in some if each.series == name]
