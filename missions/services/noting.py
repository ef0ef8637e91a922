"""What every step leaves behind: audit, talk on the work item, news for other apps, events.

Events go by the outbox, written with the change: a day's table of events that is being changed
must not keep anybody from pausing a mission.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controlplane.audit.refs import subject_ref
from controlplane.audit.services import record
from controlplane.base import signals
from controlplane.lib import actors, clock, context
from controlplane.lib.actors import Actor
from controlplane.lib.ids import uuid7
from controlplane.notify import outbox
from controlplane.notify.channels.base import Outcome
from controlplane.notify.models import OutboxMessage
from controlplane.work import services as work
from missions.models import Mission
from telemetry.ingest.accepting import report

PORTAL = actors.job("missions")
TOLD = "missions.told"
EVENT = "missions.event"


def note(
    mission: Mission,
    action: str,
    *,
    actor: Actor,
    said: str = "",
    before: Any = None,
    after: Any = None,
    reason: str = "",
    details: dict[str, Any] | None = None,
) -> None:
    """The audit row, and with `said` a line on the work item."""
    record(actor, action, mission, before=before, after=after, reason=reason, details=details)
    if said:
        say(mission, said, actor=actor)


def say(mission: Mission, text: str, *, actor: Actor, **moves: str) -> None:
    """A comment on the work item, which follows: see `work.say_later`."""
    work.say_later(mission, text, actor=actor, portal=PORTAL, **moves)


def emit(mission: Mission, what: str, **more: Any) -> None:
    """News for the packages above; once for each state it comes to."""
    signals.emit(
        EVENT,
        key=f"{mission.uid}:{what}:{more.get('request', mission.version)}",
        payload={
            "mission": str(mission.uid),
            "ref": mission.ref,
            "what": what,
            "stage": mission.stage,
            "status": mission.status,
            **more,
        },
        workspace_id=mission.workspace_id,
    )


def tell(
    mission: Mission,
    name: str,
    said: dict[str, Any],
    *,
    actor: Actor,
    stage: str = "",
    **fields: Any,
) -> None:
    """An event of the catalogue, reported once the change is committed."""
    event = {"event": name, "stage": stage or mission.stage, "context": said, **fields}
    tell_many(mission, [event], actor=actor)


def tell_many(mission: Mission, events: list[dict[str, Any]], *, actor: Actor) -> None:
    """Several at once are one message."""
    key = f"mission-told:{uuid7()}"
    always: dict[str, Any] = {
        "occurred_at": clock.now().isoformat(),
        "mission_id": mission.ref,
        "stage": mission.stage,
        "correlation_id": context.current().correlation_id[:128] or key,
    }
    if actor.kind == "person" and actor.user_id is not None:
        always["user_id"] = actor.user_id
    if actor.kind == "agent":
        always["agent_name"] = min(actor.roles_in(mission.workspace_id), default="agent")
    outbox.enqueue(
        TOLD,
        {
            "mission": str(mission.uid),
            "events": [
                {**always, "event_id": f"{key}:{place}", **event}
                for place, event in enumerate(events)
            ],
        },
        key=key,
        workspace_id=mission.workspace_id,
        subject=subject_ref(mission),
    )


# --- When the outbox gets to it -----------------------------------------------------------------


@outbox.topic(TOLD)
def tell_telemetry(message: OutboxMessage) -> Outcome:
    mission = _mission(message)
    if mission is None:
        return Outcome("rejected", "the mission is not there")
    events = [
        {**each, "occurred_at": datetime.fromisoformat(each["occurred_at"])}
        for each in message.payload.get("events") or [message.payload["event"]]
    ]
    receipt = report(PORTAL, mission.workspace, events)
    if receipt.rejected:
        refused = next(each for each in receipt.verdicts if each.status == "rejected")
        return Outcome("rejected", refused.reason[:300])
    return Outcome("accepted")


def _mission(message: OutboxMessage) -> Mission | None:
    rows = Mission.objects.select_related("workspace", "item__project")
    found: Mission | None = rows.filter(uid=message.payload["mission"]).first()
    return found
