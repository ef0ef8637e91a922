"""What is looked at regularly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.jobs.registry import job
from deployments import schema


@job(
    schema.JOB,
    every=timedelta(hours=6),
    time_limit=300,
    doc="Compare the database with the migrations and the code.",
)
def schema_drift() -> dict[str, Any]:
    return dict(schema.check())
