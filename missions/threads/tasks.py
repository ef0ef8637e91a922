"""What is looked at regularly of threads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.jobs.registry import job
from missions.threads.services.calling import call_due
from missions.threads.services.clearing import archive_old


@job(
    "threads.escalate",
    every=timedelta(minutes=1),
    time_limit=120,
    doc="Call whoever a rule of escalation names for threads that are stuck by now.",
)
def escalate() -> dict[str, Any]:
    return call_due()


@job(
    "threads.archive",
    every=timedelta(days=1),
    time_limit=300,
    doc="Put closed threads away where a time is set for it.",
)
def archive() -> dict[str, Any]:
    return archive_old()
