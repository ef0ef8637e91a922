"""What a rule would have done: the same judging and the same state machine over past looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from controlplane.lib import clock
from telemetry import measures
from telemetry.measures import Measure, Reading
from telemetry.models import AlertRule
from telemetry.rules import history, usual, vocabulary
from telemetry.rules.history import History
from telemetry.rules.judging import judge, pace_of
from telemetry.rules.machine import Standing, step
from telemetry.rules.soundness import check

HOUR = timedelta(hours=1)
PERIODS = {"24h": ("last 24 hours", timedelta(days=1)), "7d": ("last 7 days", timedelta(days=7))}
USUAL, AT_ONCE = "7d", "24h"
SHOWN_LINES = 6
_MOST_POINTS = 700  # of a line that is drawn
_MOST_SERIES = 100


@dataclass(frozen=True, slots=True)
class Firing:
    """One time it would have fired. Without an end it fires still."""

    series: str
    at: datetime
    until: datetime | None
    worst: float | None


@dataclass(slots=True)
class Preview:
    rule: AlertRule
    measure: Measure
    start: datetime
    end: datetime
    period: str
    firings: list[Firing] = field(default_factory=list)
    lines: dict[str, list[tuple[datetime, float | None]]] = field(default_factory=dict)
    limits: list[tuple[datetime, float | None]] = field(default_factory=list)
    looks: int = 0
    judged: int = 0  # looks that had something to judge

    @property
    def lasted(self) -> timedelta:
        """How long at least one alert stood."""
        total, last = timedelta(0), self.start
        for one in sorted(self.firings, key=lambda each: each.at):
            begin, end = max(one.at, last), one.until or self.end
            total += max(end - begin, timedelta(0))
            last = max(last, end)
        return total

    @property
    def sentence(self) -> str:
        """ "Would have fired 3 times in the last 7 days, for 41 min in all."."""
        if not self.looks:
            return "The past of this measure is not kept: nothing can be previewed."
        if not self.judged:
            return f"Nothing to judge in the {self.period}: no data, or too little of it."
        if not self.firings:
            return f"Would not have fired in the {self.period}."
        number = len(self.firings)
        times = "once" if number == 1 else f"{number} times"
        still = " It would fire now." if any(one.until is None for one in self.firings) else ""
        lasted = vocabulary.span(self.lasted.total_seconds())
        return f"Would have fired {times} in the {self.period}, for {lasted} in all.{still}"

    def as_data(self) -> dict[str, Any]:
        return {
            "sentence": self.sentence,
            "start": self.start,
            "end": self.end,
            "fired": len(self.firings),
            "lasted_s": int(self.lasted.total_seconds()),
            "looks": self.looks,
            "judged": self.judged,
            "intervals": [
                {"series": one.series, "from": one.at, "until": one.until, "worst": one.worst}
                for one in self.firings
            ],
        }


def preview(
    rule: AlertRule,
    workspace_id: int | None,
    *,
    period: str = USUAL,
    now: datetime | None = None,
) -> Preview:
    """`rule` may be unsaved: it is only read. Raises `Invalid` for one that makes no sense."""
    check(rule)
    measure = measures.get(rule.measure)
    words, length = PERIODS[period]
    end = (now or clock.now()).replace(second=0, microsecond=0)
    found = Preview(rule, measure, end - length, end, words)
    place = None if rule.scope == AlertRule.Scope.INSTALLATION else workspace_id
    past = history.slide(rule, measure, place, found.start, end)
    found.looks = len(past.ats)
    names = sorted(past.lines, key=lambda name: -_size(past.lines[name]))[:_MOST_SERIES]
    worst = {name: _walk(found, name, past, place) for name in names}
    found.firings.sort(key=lambda one: (one.at, one.series))
    drawn = sorted(worst, key=lambda name: (-worst[name], -_size(past.lines[name]), name))
    for name in sorted(drawn[:SHOWN_LINES]):
        found.lines[name] = _thinned(rule, past.lines[name], past)
    return found


def _walk(found: Preview, series: str, past: History, place: int | None) -> float:
    """Step through one series; returns how far beyond its limit it came, to choose what to draw."""
    rule, line = found.rule, past.lines[series]
    pace = pace_of(rule, past.step)
    standing = Standing.fresh(past.ats[0] - past.step)
    before: Mapping[datetime, Reading] = {}
    if rule.against == AlertRule.Against.HOUR_BEFORE:
        before = {at + HOUR: reading for at, reading in line.items()}
    opened, peak, far = None, None, 0.0
    limits: list[tuple[datetime, float | None]] = []
    for at in past.ats:
        base = before.get(at) if before else _base(found, series, place, at)
        judged = judge(rule, line[at], base)
        limits.append((at, judged.threshold))
        found.judged += judged.found in {"breach", "clear"}
        if judged.found == "breach":
            far = max(far, abs((judged.value or 0.0) - (judged.threshold or 0.0)) or 1e-9)
        if judged.found == "clear" and standing.status == "ok":
            continue  # well before and well now: nothing moves
        standing, was = step(standing, judged.found, at, pace), standing.status
        if standing.status == "firing":
            opened = opened or at
            peak = _worse(rule, peak, judged.value)
        elif was == "firing" and opened is not None:
            found.firings.append(Firing(series, opened, at, peak))
            opened, peak = None, None
    if opened is not None:
        found.firings.append(Firing(series, opened, None, peak))
    if rule.is_relative and (far or not found.limits):
        every = max(1, len(limits) // _MOST_POINTS)
        found.limits = limits[::every]
    return far


def _base(found: Preview, series: str, place: int | None, at: datetime) -> Reading | None:
    if not found.rule.is_relative:
        return None
    return usual.bases(found.rule, found.measure, place, at).get(series)


def _worse(rule: AlertRule, peak: float | None, value: float | None) -> float | None:
    if value is None or peak is None:
        return peak if value is None else value
    return max(peak, value) if rule.is_upper else min(peak, value)


def _size(line: Mapping[datetime, Reading]) -> int:
    return sum(reading.sample for reading in line.values())


def _thinned(
    rule: AlertRule, line: Mapping[datetime, Reading], past: History
) -> list[tuple[datetime, float | None]]:
    """Few enough points to draw; of those left out the worst stays, or a peak would vanish."""
    every = -(-len(past.ats) // _MOST_POINTS) or 1
    found: list[tuple[datetime, float | None]] = []
    for first in range(0, len(past.ats), every):
        some = past.ats[first : first + every]
        known = [(at, value) for at in some if (value := line[at].value) is not None]
        if known:
            choose = max if rule.is_upper else min
            found.append(choose(known, key=lambda pair: pair[1]))
        else:
            found.append((some[0], None))
    return found
