"""Statements that take long, counted at `/metrics`."""

from __future__ import annotations

from controlplane.base.database import slow
from controlplane.jobs import metrics
from controlplane.lib import context


def count(seconds: float) -> None:
    source = context.current().source
    metrics.SLOW_STATEMENTS.labels(source).inc()
    metrics.SLOW_SECONDS.labels(source).inc(seconds)


slow.LISTENERS.append(count)
