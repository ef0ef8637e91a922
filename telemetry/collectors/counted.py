"""Answers given and connections missed, from counters in files: they need no database.

Counters only grow, per machine, over all its processes and those that ended. What happened is the
difference to what was seen last; a counter that is smaller than before began anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from controlplane.jobs import metrics
from controlplane.jobs.metrics import ANSWERS_NAME, CONNECTIONS_NAME, FAILURES_NAME

Totals = dict[str, float]
_SEP = "|"
# Kinds that are no work: machines that ask whether we live, files, streams that last for long.
QUIET = frozenset({"probe", "static", "stream"})


def totals() -> Totals:
    """All counters that are reported, each under one flat name."""
    found: Totals = {}
    answered = metrics.samples("histogram", {ANSWERS_NAME})
    connected = metrics.samples("counter", {CONNECTIONS_NAME, FAILURES_NAME})
    for name, labels, value in chain(answered, connected):
        found[_SEP.join((name, *(labels[key] for key in sorted(labels))))] = value
    return found


def grown(before: Mapping[str, float], now: Mapping[str, float]) -> Totals:
    """By how much each counter grew, those that did."""
    found = {}
    for name, value in now.items():
        old = before.get(name, 0.0)
        difference = value - old if value >= old else value
        if difference > 0:
            found[name] = difference
    return found


def answers(grown_by: Mapping[str, float]) -> list[dict[str, Any]]:
    """`request_completed` events: one for each kind of route, status and bucket of time."""
    buckets: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    name = f"{ANSWERS_NAME}_bucket"
    for key, count in grown_by.items():
        first, *labels = key.split(_SEP)
        if first == name:
            kind, bound, status = labels  # labels in the order of their names
            if kind not in QUIET:
                buckets[(kind, status)].append((float(bound), count))
    return [event for key in sorted(buckets) for event in _of_one(*key, sorted(buckets[key]))]


def _of_one(kind: str, status: str, grew: Iterable[tuple[float, float]]) -> list[dict[str, Any]]:
    """Buckets are cumulative: what one has more than the one below is its own."""
    found: list[dict[str, Any]] = []
    below = 0.0
    for bound, count in grew:
        own = round(count - below)
        below = max(below, count)
        if own <= 0:
            continue
        found.append(
            {
                "event": "request_completed",
                "count": own,
                "duration_ms": round(middle(bound) * 1000, 3),
                "status": "error" if status == "5xx" else "success",
                "context": {"route": kind, "code": status},
            }
        )
    return found


def middle(bound: float) -> float:
    """Seconds for which a bucket stands: the geometric middle of its bounds."""
    bounds = (*metrics.ANSWER_BOUNDS, float("inf"))
    place = bounds.index(bound)
    low = bounds[place - 1] if place else bounds[0] / 2
    high = bound if bound != float("inf") else low * 2
    return float((low * high) ** 0.5)


def connections(grown_by: Mapping[str, float]) -> tuple[float, float]:
    """Connections asked for and those not got."""
    asked = grown_by.get(f"{CONNECTIONS_NAME}_total", 0.0)
    missed = grown_by.get(f"{FAILURES_NAME}_total", 0.0)
    return asked, missed
