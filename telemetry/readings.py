"""How far telemetry itself is behind, for `/metrics`."""

from __future__ import annotations

from controlplane.jobs.measures import Values, reading
from telemetry import rollups
from telemetry.collectors.portal import days_ahead


@reading("controlplane_telemetry_backlog", "Buckets waiting to be summed up, by grain.", ["grain"])
def telemetry_backlog() -> Values:
    waiting = rollups.waiting()
    return [((grain,), float(waiting.get(grain, 0))) for grain in ("minute", "hour", "day")]


@reading(
    "controlplane_telemetry_oldest_mark_seconds", "How long the oldest minute waits for its sums."
)
def telemetry_oldest_mark() -> Values:
    return [((), rollups.oldest_mark())]


@reading(
    "controlplane_telemetry_partitions_ahead", "Coming days for which there is a table already."
)
def partition_days_ahead() -> Values:
    return [((), float(days_ahead()))]
