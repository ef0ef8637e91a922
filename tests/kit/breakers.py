"""A breaker is told of what failed and what went well."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from controlplane.catalog import services
from controlplane.catalog.models import Integration
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from tests import make
from tests.kit import catalog


def fail(row: Integration, trial: UUID | None = None, error: str = "boom") -> Integration:
    return services.report_outcome(row, actor=make.JOB, ok=False, error=error, trial=trial)


def succeed(row: Integration, trial: UUID | None = None) -> Integration:
    return services.report_outcome(row, actor=make.JOB, ok=True, trial=trial)


def half_open(**fields: Any) -> Integration:
    return services.half_open(catalog.broken(**fields), actor=make.JOB)


def pause_over(row: Integration) -> Integration:
    """The timer comes due, and the engine fires it."""
    past = clock.now() - timedelta(seconds=1)
    Timer.objects.filter(key=f"breaker:{row.uid}").update(ready_at=past)
    timers.work(time.monotonic() + 5)
    row.refresh_from_db()
    return row
