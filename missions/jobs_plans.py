"""What is looked at regularly of missions that execute."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from controlplane.jobs.registry import job
from controlplane.lib import clock
from missions.models import UndoPlan
from missions.services.stuck import look_for_stuck
from missions.services.undo_plans import expire_if_due

logger = logging.getLogger(__name__)
_MOST = 200


@job(
    "missions.undo_deadlines",
    every=timedelta(minutes=1),
    time_limit=120,
    doc="End the time to undo of missions whose window is over.",
)
def undo_deadlines() -> dict[str, Any]:
    now, expired = clock.now(), 0
    rows = UndoPlan.objects.due(now).select_related("play__mission").order_by("deadline_at")
    found = list(rows[:_MOST])
    for plan in found:
        try:
            expired += expire_if_due(plan, now=now)
        except Exception:  # one that cannot be ended keeps no other from it
            logger.exception("the time to undo %s could not be ended", plan.uid)
    return {"due": len(found), "expired": expired}


@job(
    "missions.stuck",
    every=timedelta(minutes=5),
    time_limit=300,
    doc="Find missions that execute and say nothing, and open an item for each.",
)
def stuck() -> dict[str, Any]:
    return look_for_stuck()
