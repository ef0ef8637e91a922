"""What happened meanwhile: releases, flags, incidents, windows, as marks on charts over time."""

from __future__ import annotations

from typing import Any

from telemetry.dashboards.asked import Asked
from telemetry.models import RollupHour, RollupMinute

MARKED = {
    "deployment_started": "Deployment",
    "rollout_stage_promoted": "Rollout",
    "rollout_rolled_back": "Rolled back",
    "feature_flag_changed": "Flag",
    "incident_opened": "Incident",
    "maintenance_started": "Maintenance",
}
MOST = 12
_MINUTES_UP_TO = 8 * 3600


def of(asked: Asked) -> list[dict[str, Any]]:
    """The newest of them, as the chart kit takes them."""
    if asked.workspace_id is None:
        return []
    short = asked.time.length.total_seconds() <= _MINUTES_UP_TO
    table: Any = RollupMinute if short else RollupHour
    rows = table.objects.of(asked.workspace_id).between(asked.time.start, asked.time.end)
    rows = rows.filter(event_type__in=MARKED).order_by("-last_at")
    found = rows.values_list("event_type", "operation", "last_at")[:MOST]
    return [
        {"at": at, "label": f"{MARKED[name]} {operation}".strip()[:60]}
        for name, operation, at in reversed(list(found))
    ]
