"""What rolls by itself, and who is told when it does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from controlplane.jobs import engine, watch
from controlplane.lib.defaults import define
from telemetry.rollups import backlog, passes

LATE = define(
    "telemetry.rollups_late_s",
    120.0,
    unit="seconds",
    why="dashboards and alert rules read numbers this old before it is an alarm",
)
# A pass is a turn of the engine and no job: a row for each would be 17,000 a day.
engine.module("telemetry.roll", passes.work, every=timedelta(seconds=5), order=70)


@watch.probe("telemetry.rollups")
def late_rollups() -> Iterator[watch.Finding]:
    waited = backlog.oldest_mark()
    if waited > LATE.value:
        message = f"Events have waited {waited:.0f} s to be summed up."
        yield watch.Finding("telemetry", "rollups", message, critical=False)
