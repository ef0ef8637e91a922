"""Jobs of base."""

from __future__ import annotations

from datetime import timedelta

from controlplane.base import retention
from controlplane.jobs.registry import job
from controlplane.lib import actors


@job(
    "cleanup",
    every=timedelta(hours=1),
    time_limit=300,
    doc="Deletes rows whose time is over, class by class, and records what went.",
)
def cleanup() -> dict[str, int]:
    runs = retention.clean(actor=actors.job("cleanup"))
    failed = [run.slug for run in runs if run.error]
    if failed:
        raise RuntimeError(f"clean-up failed for {', '.join(failed)}")
    return {run.slug: run.rows for run in runs if run.rows}
