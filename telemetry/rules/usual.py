"""What a relative rule compares with: what its measure usually is, by series.

Medians of weeks change once an hour or a day and are kept that long by each process; the figure
of an hour before is read with every look.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import median

from controlplane.lib import defaults
from telemetry import measures
from telemetry.measures import Measure, Reading
from telemetry.models import AlertRule

LEAST = defaults.define(
    "telemetry.rule_baseline_least",
    2,
    unit="figures",
    why="One day or week alone may have been the odd one: nothing is compared with it.",
)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
WEEKS = 4
_KEPT_MOST = 4_000
Bases = Mapping[str, Reading]
_kept: dict[tuple[object, ...], Bases] = {}


def bases(rule: AlertRule, measure: Measure, workspace_id: int | None, at: datetime) -> Bases:
    """By series. What too few figures stand behind is left out."""
    slot = _floor(at, DAY if rule.against == AlertRule.Against.MEDIAN else HOUR)
    filters = tuple(sorted((name, tuple(values)) for name, values in rule.filters.items()))
    key = (measure.slug, workspace_id, rule.against, rule.group_by, filters, slot)
    if key not in _kept:
        if len(_kept) >= _KEPT_MOST:
            _kept.clear()
        found = _medians(rule, measure, workspace_id, slot)
        _kept[key] = {name: one for name, one in found.items() if one.sample >= LEAST.value}
    return _kept[key]


def forget() -> None:
    _kept.clear()


def _medians(rule: AlertRule, measure: Measure, workspace_id: int | None, slot: datetime) -> Bases:
    if rule.against == AlertRule.Against.MEDIAN:
        start, step = slot - WEEKS * WEEK, DAY
        found = measures.series(
            measure,
            workspace_id,
            start,
            slot,
            step=step,
            group_by=rule.group_by,
            filters=rule.filters,
        )
        known = {
            name: [point.value for point in line if point.value is not None]
            for name, line in found.groups.items()
        }
        return _of(known)
    known = {}
    for week in range(1, WEEKS + 1):
        start = slot - week * WEEK
        readings = measures.read(
            measure,
            workspace_id,
            start,
            start + HOUR,
            group_by=rule.group_by,
            filters=rule.filters,
        )
        for name, reading in readings.items():
            if reading.value is not None:
                known.setdefault(name, []).append(reading.value)
    return _of(known)


def _of(known: Mapping[str, list[float]]) -> Bases:
    return {name: Reading(median(some), len(some)) for name, some in known.items() if some}


def _floor(at: datetime, step: timedelta) -> datetime:
    whole = at.replace(minute=0, second=0, microsecond=0)
    return whole if step == HOUR else whole.replace(hour=0)
