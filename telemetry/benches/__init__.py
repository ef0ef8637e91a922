"""`manage.py bench telemetry`."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.base import bench
from telemetry.benches import ingest


@bench.register("telemetry", doc="events in and questions over them, against doing without us")
def telemetry(run: bench.Run) -> Iterator[bench.Row]:
    yield from ingest.measure(run)
