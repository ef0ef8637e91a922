"""Events for tests, sent through the door or its service."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from controlplane.access.models import Workspace
from controlplane.lib import clock
from telemetry import partitions, pressure
from telemetry.ingest import Receipt, report
from tests import make

PATH = "/api/v1/telemetry/events"


def event(name: str = "composio_tool_call", **fields: Any) -> dict[str, Any]:
    """An event as senders write it, with its time as text."""
    when = fields.pop("at", None) or clock.now() - timedelta(seconds=5)
    sent: dict[str, Any] = {
        "event": name,
        "event_id": str(uuid4()),
        "occurred_at": when.isoformat(),
        "mission_id": "MIS-1",
        "correlation_id": "req-1",
        "stage": "execute_observe",
        "agent_name": "executor",
    }
    sent.update(fields)
    return {key: value for key, value in sent.items() if value is not None}


def tell(workspace: Workspace | None, events: Iterable[dict[str, Any]]) -> Receipt:
    """Through the service the collectors use."""
    forget()
    read = [
        {
            key: datetime.fromisoformat(value)
            if key in {"occurred_at", "sent_at"} and isinstance(value, str)
            else value
            for key, value in each.items()
        }
        for each in events
    ]
    return report(make.JOB, workspace, read)


def forget() -> None:
    """Nothing remembered of the test before: what this process knows of days and backlog."""
    partitions.look_again()
    pressure.forget()
