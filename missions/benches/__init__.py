"""`manage.py bench missions`."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.base import bench
from missions.benches import checks


@bench.register(
    "missions",
    doc="the gates of a mission in each stage, the governance check and the pages over many",
)
def missions(run: bench.Run) -> Iterator[bench.Row]:
    yield from checks.measure(run)
