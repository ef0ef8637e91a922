"""When the gauges are read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.jobs import hands
from controlplane.jobs.registry import job
from telemetry.collectors import catalogued, database, machine, portal  # noqa: F401
from telemetry.collectors.table import MINUTELY, QUICK, SLOW, collect

hands.beside(machine.look)


@job(
    "telemetry.collect",
    every=timedelta(seconds=QUICK),
    time_limit=45,
    doc="Read the quick gauges: connections, latency, queues, backlogs.",
)
def quick() -> dict[str, Any]:
    return collect(QUICK)


@job(
    "telemetry.collect_catalog",
    every=timedelta(seconds=MINUTELY),
    time_limit=60,
    doc="Report which services are up and which breakers are open.",
)
def minutely() -> dict[str, Any]:
    return collect(MINUTELY)


@job(
    "telemetry.collect_slow",
    every=timedelta(seconds=SLOW),
    time_limit=60,
    doc="Read the slow gauges: bloat of tables, days prepared.",
)
def slow() -> dict[str, Any]:
    return collect(SLOW)
