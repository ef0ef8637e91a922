"""Impact metrics that Unleash SDKs send: counters and histograms, labelled with the flags that
were on or off. Those of browsers are left out: anybody can send them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from deployments.canary.numbers import MOST
from deployments.canary.seen import Figures
from deployments.canary.sources.kinds import Baseline, Reading, Source
from deployments.flags.models.serving import ImpactSample
from deployments.models import Rollout
from deployments.services.reading import line, refuse

ROLES = ("requests", "errors", "latency", "violations")
OFF = {"disabled", "off", "false", ""}
QUANTILE = 0.95


def _checked(asking: dict[str, Any]) -> dict[str, Any]:
    """Which metric plays which role. Requests, or latencies to count them by."""
    unknown = sorted(set(asking) - {*ROLES, "unit"})
    if unknown:
        raise refuse(f"asking.{unknown[0]}", f"One of {', '.join(ROLES)}, unit.")
    unit = asking.get("unit", "ms")
    if unit not in ("ms", "s"):
        raise refuse("asking.unit", "ms or s: what latencies are measured in.")
    names = {
        role: line(f"asking.{role}", asking[role], 200, required=True)
        for role in ROLES
        if role in asking
    }
    if not {"requests", "latency"} & set(names):
        raise refuse("asking", "Name the metric of requests, or of latency.")
    if "errors" not in names:
        raise refuse("asking.errors", "Name the metric of failed requests.")
    return {**names, "unit": unit}


class _Side:
    """What is counted of the cohort, or of everybody else."""

    def __init__(self) -> None:
        self.values = dict.fromkeys(ROLES, 0.0)
        self.counted = 0
        self.buckets: dict[float, int] = {}

    def add(self, role: str, sample: ImpactSample) -> None:
        if sample.kind == ImpactSample.Kind.HISTOGRAM:
            self.counted += sample.count if role == "latency" else 0
            if role == "latency":
                for bound, number in sample.buckets.items():
                    place = float(bound.replace("+Inf", "inf"))
                    self.buckets[place] = self.buckets.get(place, 0) + number
                return
            self.values[role] += sample.count
        else:
            self.values[role] += max(0.0, sample.value)

    def number(self, role: str) -> int:
        if role == "requests" and not self.values["requests"]:
            return min(self.counted, MOST)
        return int(min(self.values[role], MOST))

    def slower_than(self, limit: float | None) -> int:
        """Those above the first bound that is at or past the limit: never too many."""
        if limit is None or not self.buckets:
            return 0
        bounds = [bound for bound in sorted(self.buckets) if bound >= limit]
        below = self.buckets[bounds[0]] if bounds else self.counted
        return max(0, self.counted - below)

    def p95(self) -> float | None:
        wanted = QUANTILE * self.counted
        finite = [bound for bound in sorted(self.buckets) if bound != float("inf")]
        if not self.counted or not finite:
            return None
        return next((bound for bound in finite if self.buckets[bound] >= wanted), finite[-1])


def _sides(rollout: Rollout, start: datetime, end: datetime) -> tuple[_Side, _Side]:
    roles = {name: role for role, name in rollout.asking.items() if role in ROLES}
    rows: Iterable[ImpactSample] = ImpactSample.objects.filter(
        environment=rollout.environment_id,
        name__in=list(roles),
        minute__gte=start,
        minute__lt=end,
        labels__has_key=rollout.flag.flag_name,
        source="client",
    )
    cohort, others = _Side(), _Side()
    for sample in rows:
        answer = str(sample.labels[rollout.flag.flag_name]).lower()
        (others if answer in OFF else cohort).add(roles[sample.name], sample)
    return cohort, others


def _factor(rollout: Rollout) -> float:
    return 1000.0 if rollout.asking.get("unit") == "s" else 1.0


def read(rollout: Rollout, start: datetime, end: datetime) -> Reading:
    cohort, others = _sides(rollout, start, end)
    factor = _factor(rollout)
    limit = rollout.slow_ms / factor if rollout.slow_ms is not None else None
    n, rest = cohort.number("requests"), others.number("requests")
    return Reading(
        figures=Figures(
            n=n,
            errors=min(n, cohort.number("errors")),
            slow=min(n, cohort.slower_than(limit)),
            violations=cohort.number("violations"),
            others=rest,
            others_errors=min(rest, others.number("errors")),
            others_slow=min(rest, others.slower_than(limit)),
        ),
        p95_ms=_scaled(cohort.p95(), factor),
        others_p95_ms=_scaled(others.p95(), factor),
    )


def baseline(rollout: Rollout, start: datetime, end: datetime) -> Baseline:
    _, others = _sides(rollout, start, end)
    n = others.number("requests")
    return Baseline(
        requests=n,
        error_rate=min(n, others.number("errors")) / n if n else None,
        p95_ms=_scaled(others.p95(), _factor(rollout)),
        violations=others.number("violations"),
    )


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


SOURCE = Source(_checked, baseline, read)
