"""`manage.py bench telemetry`."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.base import bench
from telemetry.benches import ingest, reading


@bench.register("telemetry", doc="events in and questions over them, against doing without us")
def telemetry(run: bench.Run) -> Iterator[bench.Row]:
    yield from ingest.measure(run)
    yield from reading.measure(run)
