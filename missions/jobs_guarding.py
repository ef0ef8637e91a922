"""What guards missions and is looked at regularly: authorizations, exceptions, sessions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Q

from controlplane.jobs.registry import job
from controlplane.lib import clock
from missions import guarding
from missions.models import AgentSession, Override, ToolkitConnection
from missions.querysets import UNDER_WAY
from missions.services import connections, overrides, sessions
from missions.services.noting import PORTAL

logger = logging.getLogger(__name__)
MOST = 500


def _each(rows: Iterable[Any], deed: Callable[[Any], bool]) -> tuple[int, int]:
    """How many it was done to, and of how many it could not be: one keeps no other from it."""
    done = failed = 0
    for row in rows:
        try:
            done += deed(row)
        except Exception:
            logger.exception("%s could not be looked at", row)
            failed += 1
    return done, failed


@job(
    "missions.connections",
    every=timedelta(minutes=5),
    time_limit=240,
    doc="End authorizations that are over or that nobody answered; ask that others be verified.",
)
def look_at_connections() -> dict[str, Any]:
    now = clock.now()
    late = now - timedelta(minutes=guarding.CONNECT_MINUTES.value)
    rows = ToolkitConnection.objects.select_related("toolkit__mission__workspace")
    over = rows.filter(
        Q(status="approved", expires_at__lte=now) | Q(status="initiated", initiated_at__lte=late)
    )
    ended, failed = _each(over.order_by("pk")[:MOST], connections.expire_connection)
    since = now - timedelta(hours=guarding.VERIFY_HOURS.value)
    stale = rows.connected().filter(
        Q(verified_at__lte=since), toolkit__mission__status__in=UNDER_WAY
    )
    stale = stale.select_related("toolkit__mission__workspace", "toolkit__integration")
    told, broken = _each(stale.order_by("verified_at")[:MOST], connections.ask_to_verify)
    return {"ended": ended, "to_verify": told, "failed": failed + broken}


@job(
    "missions.exceptions",
    every=timedelta(minutes=5),
    time_limit=240,
    doc="End what was let pass of missions for a time; findings open again and stop them again.",
)
def look_at_exceptions() -> dict[str, Any]:
    rows = Override.objects.over().select_related("mission__workspace", "finding")
    ended, failed = _each(rows.order_by("expires_at")[:MOST], overrides.expire_override)
    return {"ended": ended, "failed": failed}


@job(
    "missions.sessions",
    every=timedelta(minutes=1),
    time_limit=60,
    doc="Call agents' sessions idle whose heartbeat does not come any more.",
)
def look_at_sessions() -> dict[str, Any]:
    silent = clock.now() - timedelta(seconds=guarding.SESSION_SILENT.value)
    rows = AgentSession.objects.active().filter(beat_at__lt=silent).select_related("mission")

    def still(row: AgentSession) -> bool:
        return sessions.still_session(row, actor=PORTAL)

    stilled, failed = _each(rows.order_by("beat_at")[:MOST], still)
    return {"stilled": stilled, "failed": failed}
