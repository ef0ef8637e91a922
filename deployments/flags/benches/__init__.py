"""`manage.py bench flags`."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.base import bench
from deployments.flags.benches import engine, http


@bench.register("flags", doc="evaluations beside the public SDKs")
def flags(run: bench.Run) -> Iterator[bench.Row]:
    yield from engine.measure(run)
    yield from http.measure(run)
