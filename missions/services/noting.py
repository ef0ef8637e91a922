"""What every step leaves behind: audit, talk on the work item, news for other apps, events.

Talk, the item's own status and events go by the outbox, written with the change. Whoever holds a
work item's lock would otherwise hold the mission's row with it; and a day's table of events that
is being changed must not keep anybody from pausing a mission.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controlplane.audit.refs import subject_ref
from controlplane.audit.services import record
from controlplane.base import signals
from controlplane.lib import actors, clock, context
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError
from controlplane.lib.ids import uuid7
from controlplane.notify import outbox
from controlplane.notify.channels.base import Outcome
from controlplane.notify.models import OutboxMessage
from controlplane.work import services as work
from controlplane.work.models import Item
from missions.models import Mission
from telemetry.ingest.accepting import report

PORTAL = actors.job("missions")
SAID, TOLD = "missions.said", "missions.told"
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
    """A comment on the work item, signed with whoever acted. `status`, `stage` or `close` (the
    reason) move the item along."""
    outbox.enqueue(
        SAID,
        {
            "mission": str(mission.uid),
            "text": text[:20_000],
            "name": actor.label,
            "source": context.current().source,
            **moves,
        },
        key=f"mission-said:{uuid7()}",
        workspace_id=mission.workspace_id,
        subject=subject_ref(mission),
    )


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
    key = f"mission-told:{uuid7()}"
    event = {
        "event": name,
        "event_id": key,
        "occurred_at": clock.now().isoformat(),
        "mission_id": mission.ref,
        "stage": stage or mission.stage,
        "correlation_id": context.current().correlation_id[:128] or key,
        "context": said,
        **fields,
    }
    if actor.kind == "person" and actor.user_id is not None:
        event["user_id"] = actor.user_id
    if actor.kind == "agent":
        event["agent_name"] = min(actor.roles_in(mission.workspace_id), default="agent")
    outbox.enqueue(
        TOLD,
        {"mission": str(mission.uid), "event": event},
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
    event = dict(message.payload["event"])
    event["occurred_at"] = datetime.fromisoformat(event["occurred_at"])
    receipt = report(PORTAL, mission.workspace, [event])
    if receipt.rejected:
        return Outcome("rejected", receipt.verdicts[0].reason[:300])
    return Outcome("accepted")


@outbox.topic(SAID)
def tell_item(message: OutboxMessage) -> Outcome:
    told = message.payload
    mission = _mission(message)
    if mission is None or mission.item is None:
        return Outcome("rejected", "there is no work item to say it on")
    item = mission.item
    if told["text"]:
        work.comment(
            item,
            told["text"],
            actor=PORTAL,
            name=told["name"],
            source=told["source"],
            origin=message.key,
        )
    refused = _move(item, told)
    if refused:
        work.comment(item, refused, actor=PORTAL, origin=f"{message.key}:refused"[:80])
    return Outcome("accepted")


def _mission(message: OutboxMessage) -> Mission | None:
    rows = Mission.objects.select_related("workspace", "item__project")
    found: Mission | None = rows.filter(uid=message.payload["mission"]).first()
    return found


def _move(item: Item, told: dict[str, Any]) -> str:
    """Why the item could not follow; empty when it did. It is not tried for ever: people see it
    there."""
    wanted = {name: told[name] for name in ("status", "stage") if told.get(name)}
    try:
        if told.get("close"):
            work.close_item(item, actor=PORTAL, reason=told["close"], name=told["name"])
        elif wanted:
            item.refresh_from_db()
            wanted = {name: value for name, value in wanted.items() if getattr(item, name) != value}
            if item.category != "done" and wanted:
                work.update_item(item, actor=PORTAL, name=told["name"], **wanted)
    except ControlPlaneError as error:
        return f"The item could not follow its mission: {error.message}"
    return ""
