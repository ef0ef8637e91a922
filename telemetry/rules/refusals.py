"""What the portal refused, from its audit log, as the events that tell of unauthorised access.

Whole minutes are reported, each twice at least, under ids made of the minute: the second time
changes nothing, and a process that was away for a minute loses none.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.db.models import Count
from django.db.models.functions import TruncMinute

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.jobs import engine
from controlplane.lib import actors, clock
from telemetry.ingest import report

BACK = timedelta(minutes=3)
# Denials are written in the request's own time; after so long a minute is complete.
SETTLED = timedelta(seconds=5)
EVERY = timedelta(seconds=30)


def work(deadline: float) -> int:
    """Report the refusals of the last whole minutes, by workspace and what was asked for."""
    end = (clock.now() - SETTLED).replace(second=0, microsecond=0)
    rows = (
        AuditEvent.objects.filter(outcome="denied", at__gte=end - BACK, at__lt=end)
        .annotate(minute=TruncMinute("at"))
        .order_by()
        .values_list("workspace_id", "minute", "action")
        .annotate(number=Count("pk"))
    )
    told: dict[int | None, list[dict[str, Any]]] = defaultdict(list)
    for workspace_id, minute, action, number in rows:
        name = f"refusal:{workspace_id}:{minute.isoformat()}:{action}"
        told[workspace_id].append(
            {
                "event": "security_refusal",
                "event_id": str(uuid5(NAMESPACE_URL, name)),
                "occurred_at": minute + timedelta(seconds=30),
                "service": "portal",
                "count": number,
                "context": {"reason": action[:64]},
            }
        )
    places = Workspace.objects.in_bulk([each for each in told if each is not None])
    accepted = 0
    for workspace_id, events in told.items():
        if workspace_id is None or workspace_id in places:
            place = places.get(workspace_id) if workspace_id is not None else None
            accepted += report(actors.job("telemetry.refusals"), place, events).accepted
    return accepted


engine.module("telemetry.refusals", work, every=EVERY, order=58)
