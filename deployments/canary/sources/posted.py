"""Figures that somebody posts: a pipeline, or a person who reads them elsewhere. The portal asks
nobody; what it was told counts from the moment it came in."""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from typing import Any

from deployments.canary.numbers import MOST
from deployments.canary.seen import Figures
from deployments.canary.sources.kinds import Baseline, Reading, Source
from deployments.models import Rollout
from deployments.services.reading import refuse

COUNTS = (
    "n",
    "errors",
    "slow",
    "violations",
    "others",
    "others_errors",
    "others_slow",
    "on",
    "off",
)
WHOLES = {"n": "requests with the flag (n)", "others": "requests without it (others)"}
RATES = ("error_rate", "latency_ratio")
TIMES = ("p95_ms", "others_p95_ms")


def _checked(asking: dict[str, Any]) -> dict[str, Any]:
    if asking:
        raise refuse("asking", "What is posted needs nothing to be asked.")
    return {}


def reading_of(given: dict[str, Any], *, base_p95: float | None = None) -> Reading:
    """Counts, or rates where only those are known; refused with the field named. A p95 without a
    count of what was slow is held against the baseline's as it is."""
    unknown = sorted(set(given) - {*COUNTS, *RATES, *TIMES})
    if unknown:
        raise refuse(unknown[0], "There is no such figure.")
    counts: dict[str, Any] = {name: _count(name, given[name]) for name in COUNTS if name in given}
    rates: dict[str, Any] = {name: _rate(name, given[name]) for name in RATES if name in given}
    if not counts and not rates:
        raise refuse("n", "Say how many requests there were, or a rate.")
    for part, whole in (
        ("errors", "n"),
        ("slow", "n"),
        ("others_errors", "others"),
        ("others_slow", "others"),
    ):
        if counts.get(part, 0) > counts.get(whole, 0):
            raise refuse(part, f"More than there were {WHOLES[whole]}.")
    times = {name: _rate(name, given[name]) for name in TIMES if name in given}
    if "p95_ms" in times and base_p95 and "slow" not in counts:
        rates.setdefault("latency_ratio", times["p95_ms"] / base_p95)
    return Reading(figures=Figures(**counts, **rates), **times)


def baseline_of(given: dict[str, Any]) -> Baseline:
    unknown = sorted(set(given) - {"requests", "error_rate", "p95_ms", "violations"})
    if unknown:
        raise refuse(f"baseline.{unknown[0]}", "There is no such figure.")
    return Baseline(
        requests=_count("baseline.requests", given.get("requests", 0)),
        error_rate=_optional("baseline.error_rate", given.get("error_rate")),
        p95_ms=_optional("baseline.p95_ms", given.get("p95_ms")),
        violations=_count("baseline.violations", given.get("violations", 0)),
    )


def _baseline(rollout: Rollout, start: datetime, end: datetime) -> Baseline:
    raise refuse("baseline", "Post the baseline's figures: this rollout's are posted.")


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
        raise refuse(name, "A whole number, not below 0.")
    return value


def _rate(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refuse(name, "A number.")
    if not isfinite(value) or not 0 <= value <= MOST:
        raise refuse(name, "A number, not below 0.")
    if name.endswith("error_rate") and value > 1:
        raise refuse(name, "A share, from 0 to 1.")
    return float(value)


def _optional(name: str, value: Any) -> float | None:
    return None if value is None else _rate(name, value)


SOURCE = Source(_checked, _baseline, None)
