"""The service levels of threads as one document, and whether their floor is met."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from controlplane.lib import clock
from missions.threads import levels
from missions.threads.benches.driving import Heard
from missions.threads.levels import THRESHOLDS

__all__ = ["THRESHOLDS", "calls", "made", "missed", "percentile"]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of them does not exceed."""
    found = sorted(values)
    return found[max(0, math.ceil(len(found) * share) - 1)] if found else math.nan


def calls(took: Sequence[float], failures: int) -> dict[str, Any]:
    attempts = len(took) + failures
    return {
        "attempts": attempts,
        "successes": len(took),
        "failures": failures,
        "successRate": round(len(took) / attempts, 6) if attempts else 0.0,
        "p50LatencyMs": _ms(percentile(took, 0.5)),
        "p95LatencyMs": _ms(percentile(took, 0.95)),
    }


def made(heard: Sequence[Heard], wakes: Sequence[float], lost: int) -> dict[str, Any]:
    """Of everything that was asked. Post to visible is that of the slowest way of asking; wakes are
    taken together, those of a busy portal and of a quiet one."""
    posts = [took for each in heard for took in each.post]
    reads = [took for each in heard for took in each.read]
    slowest = max(
        (percentile(each.visible, 0.95) for each in heard if each.visible), default=math.nan
    )
    report = {
        "measuredAt": levels.iso(clock.now()),
        "iterations": sum(len(each.visible) for each in heard),
        "thresholds": dict(THRESHOLDS),
        "post": calls(posts, sum(len(each.failed_posts) for each in heard)),
        "read": calls(reads, sum(len(each.failed_reads) for each in heard)),
        "trigger": calls(wakes, lost),
        "postToVisibleP95Ms": _ms(slowest),
        "messageToWakeTriggerP95Ms": _ms(percentile(wakes, 0.95)),
    }
    return {**report, "missed": missed(report)}


def missed(report: dict[str, Any]) -> list[str]:
    """The floor, and in a measurement every wake arrives."""
    lost = report["trigger"]["failures"]
    return [*levels.missed(report), *([f"trigger: {lost} wakes never arrived"] if lost else [])]


def _ms(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
