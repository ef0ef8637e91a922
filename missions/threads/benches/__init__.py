"""`manage.py bench threads`."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.base import bench


@bench.register("threads", doc="posts, reads and wakes over HTTP beside plain DRF and ORM")
def threads(run: bench.Run) -> Iterator[bench.Row]:
    # Here, since the measured server imports this package before its apps are ready.
    from missions.threads.benches import measuring

    yield from measuring.measure(run)
