"""A moment all figures are read at, and events told and summed up before it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from controlplane.access.models import Workspace
from controlplane.lib import clock
from telemetry import measures, rollups
from telemetry.measures.kinds import Filters
from telemetry.models import Event
from tests import make
from tests.kit.telemetry import event, tell

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def noon() -> datetime:
    """Yesterday at noon: no window of a test reaches past it, and all days it touches are open."""
    return clock.now().replace(hour=12, minute=0, second=0, microsecond=0) - DAY


def call(at: datetime, *, outcome: str = "success", **fields: Any) -> dict[str, Any]:
    """A tool call of the executor."""
    context = {"toolkit": "hubspot", "action": "create", "duration_ms": 100, "outcome": outcome}
    context |= fields.pop("context", {})
    return event("composio_tool_call", at=at, context=context, **fields)


def gauge(
    name: str, value: float, at: datetime, of: str = "", service: str = "portal"
) -> dict[str, Any]:
    context = {"name": name, "value": value, "of": of}
    return event("gauge_reported", at=at, service=service, context=context, mission_id=None)


def told(events: Iterable[dict[str, Any]], workspace: Workspace | None = None) -> Workspace:
    workspace = workspace or make.workspace()
    tell(workspace, events)
    rollups.settle()
    return workspace


def value(
    slug: str,
    workspace: Workspace | None,
    start: datetime,
    end: datetime,
    filters: Filters | None = None,
) -> float | None:
    pk = workspace.pk if workspace is not None else None
    return measures.read(measures.get(slug), pk, start, end, filters=filters)[""].value


def told_events(workspace_id: int | None, start: datetime, end: datetime) -> Any:
    """The events themselves."""
    rows: Any = Event.objects.all()
    return rows.of(workspace_id).between(start, end)
