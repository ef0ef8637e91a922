"""Days are opened and closed by themselves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

from controlplane.jobs import watch
from controlplane.jobs.registry import job
from telemetry import trimming
from telemetry.partitions import closing, opening


# Every hour, though once a day would do: it is late by an hour at most after a long stop.
@job(
    "telemetry.partitions",
    every=timedelta(hours=1),
    time_limit=600,
    silence_after=timedelta(hours=26),
    doc="Open the days ahead for events; close those beyond their time.",
)
def keep_days() -> dict[str, int]:
    return opened_and_closed()


def opened_and_closed() -> dict[str, int]:
    opened = opening.ensure()
    closed = closing.close_old(trimming.events_cutoff(), deadline=time.monotonic() + 480)
    return {"opened": len(opened), "closed": len(closed), "ahead": opening.days_ahead()}


@watch.probe("telemetry.partitions")
def few_days_ahead() -> Iterator[watch.Finding]:
    ahead = opening.days_ahead()
    if ahead < opening.FEW_AHEAD.value:
        message = f"Only {ahead} days are open ahead for events."
        yield watch.Finding("telemetry", "partitions", message, critical=False)
