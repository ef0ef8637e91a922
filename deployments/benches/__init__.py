"""`manage.py bench deployments`."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.base import bench
from deployments.benches import canaries


@bench.register("deployments", doc="the minutely look at a thousand live rollouts")
def deployments(run: bench.Run) -> Iterator[bench.Row]:
    yield from canaries.measure(run)
