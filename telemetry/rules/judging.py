"""A reading against a rule's limit."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from controlplane.lib import defaults
from telemetry.models import AlertRule
from telemetry.rules.machine import Found, Pace

GAP = defaults.define(
    "telemetry.rule_gap_s",
    120,
    unit="seconds",
    why="A restart takes less; after a longer pause a breach is counted from anew.",
)
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


class Measured(Protocol):
    @property
    def value(self) -> float | None: ...

    @property
    def sample(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Judged:
    found: Found
    value: float | None = None
    sample: int = 0
    threshold: float | None = None
    note: str = ""


def failed(reason: str) -> Judged:
    return Judged("error", note=reason[:300])


def judge(rule: AlertRule, reading: Measured | None, base: Measured | None = None) -> Judged:
    """What a reading means to a rule; `base` is what a relative one compares with."""
    threshold = limit_of(rule, base)
    if reading is None or reading.value is None or not math.isfinite(reading.value):
        # Of a relative rule silence is news only where there usually is something.
        nothing: Found = "unjudged" if threshold is None else "absent"
        return Judged(nothing, None, 0, threshold, "No data in the window.")
    value, sample = reading.value, reading.sample
    if sample < rule.min_sample:
        note = f"{sample} of the {rule.min_sample} it takes to judge."
        return Judged("unjudged", value, sample, threshold, note)
    if threshold is None:
        return Judged("unjudged", value, sample, None, "There is nothing to compare with yet.")
    found: Found = "breach" if _COMPARE[rule.comparison](value, threshold) else "clear"
    return Judged(found, value, sample, threshold)


def limit_of(rule: AlertRule, base: Measured | None) -> float | None:
    """Where the limit lies now. The floor of a relative limit holds alone where nothing is known
    to compare with: twice nothing would wake people for the first request of the day."""
    if not rule.is_relative:
        return rule.threshold
    if base is None or base.value is None or not math.isfinite(base.value):
        return rule.floor
    limit = base.value * (rule.multiple or 1.0)
    if rule.floor is None:
        return limit
    return max(limit, rule.floor) if rule.is_upper else min(limit, rule.floor)


def pace_of(rule: AlertRule, every: timedelta) -> Pace:
    """A rule that is looked at rarely isn't unwatched in between."""
    return Pace(
        lasting=timedelta(seconds=rule.for_s),
        resolve=timedelta(seconds=rule.resolve_for_s),
        no_data=rule.no_data,  # type: ignore[arg-type]  # the field's choices
        gap=max(timedelta(seconds=GAP.value), 4 * every),
    )
