"""`manage.py bench deployments`."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.base import bench
from deployments.benches import canaries, gates, overviews


@bench.register(
    "deployments",
    doc="live rollouts each minute, the gates of a deployment, the pages over many deployments",
)
def deployments(run: bench.Run) -> Iterator[bench.Row]:
    yield from canaries.measure(run)
    yield from gates.measure(run)
    yield from overviews.measure(run)
