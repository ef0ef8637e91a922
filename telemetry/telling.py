"""What other parts of the portal have to tell of themselves: an event of the catalogue, reported
once their change is committed.

By the outbox, written with the change: a day's table of events that is being changed must not keep
anybody from rolling back. Charts mark these events, and rules hear them.
"""

from __future__ import annotations

from typing import Any

from controlplane.access.models import Workspace
from controlplane.lib import actors
from controlplane.notify import outbox
from controlplane.notify.channels.base import Outcome
from controlplane.notify.models import OutboxMessage
from telemetry.ingest.accepting import report

PORTAL = actors.job("telemetry")
TOPIC = "telemetry.told"
_ENV = 20  # characters of an environment's name that events hold


def tell(
    workspace_id: int, name: str, said: dict[str, Any], *, key: str, env: str = "", status: str = ""
) -> None:
    """In the caller's transaction. The same key is told once."""
    event = event_of(name, said, key=key, env=env, status=status)
    outbox.enqueue(TOPIC, {"event": event}, key=f"told:{key}", workspace_id=workspace_id)


def event_of(
    name: str, said: dict[str, Any], *, key: str, env: str = "", status: str = ""
) -> dict[str, Any]:
    known = {key: value for key, value in said.items() if value not in {None, ""}}
    event: dict[str, Any] = {"event": name, "event_id": key, "context": known}
    return event | ({"env": env[:_ENV]} if env else {}) | ({"status": status} if status else {})


@outbox.topic(TOPIC)
def tell_telemetry(message: OutboxMessage) -> Outcome:
    workspace = Workspace.objects.filter(pk=message.workspace_id or 0).first()
    if workspace is None:
        return Outcome("rejected", "the workspace is not there")
    event = message.payload["event"]
    when = {
        "occurred_at": message.created_at,
        "correlation_id": (message.correlation_id or event["event_id"])[:128],
    }
    receipt = report(PORTAL, workspace, [event | when])
    if receipt.rejected:
        said = receipt.verdicts[0]
        # After its day was closed it comes too late whoever replays it. It stands among the
        # refused events.
        late = said.code == "TOO_OLD"
        return Outcome("suppressed" if late else "rejected", said.reason[:300])
    return Outcome("accepted")
