"""What is looked at regularly."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from controlplane.jobs.registry import job
from controlplane.lib import clock
from deployments import schema
from deployments.maintenance import upkeep
from deployments.maintenance.services import quarter
from deployments.models import Deployment
from deployments.services.checking import look_at_gates

logger = logging.getLogger(__name__)
# Looked at each minute. Where more are prepared or on their way, each has its turn.
_MOST = 100


@job(
    schema.JOB,
    every=timedelta(hours=6),
    time_limit=300,
    doc="Compare the database with the migrations and the code.",
)
def schema_drift() -> dict[str, Any]:
    return dict(schema.check())


@job(
    "deployments.gates",
    every=timedelta(minutes=1),
    time_limit=300,
    doc="Look again at the checks of deployments that are prepared or on their way.",
)
def look_again() -> dict[str, Any]:
    rows = Deployment.objects.open().exclude(status__in=["draft", "blocked"])
    refused = 0
    begin = _turn(rows.count())
    found = list(rows.order_by("pk")[begin : begin + _MOST])
    for row in found:
        try:
            look_at_gates(row)
        except Exception:  # one that can't be looked at keeps no other from it
            logger.exception("the checks of %s could not be looked at", row.ref)
            refused += 1
    return {"looked": len(found), "refused": refused}


def _turn(number: int) -> int:
    """Where this minute's begin: the next hundred each minute, and then from the first again."""
    minute = int(clock.now().timestamp() // 60)
    return minute % max(1, -(-number // _MOST)) * _MOST


@job(
    upkeep.JOB,
    at="30 0 * * 0",
    time_limit=3_500,
    doc="VACUUM ANALYZE every table, as the role that owns them.",
)
def vacuum() -> dict[str, Any]:
    return upkeep.vacuum()


@job(
    "deployments.maintenance_quarter",
    every=timedelta(hours=12),
    time_limit=300,
    doc="Ask about a quarter into which no maintenance is planned.",
)
def maintenance_quarter() -> dict[str, Any]:
    return dict(quarter.check())
