"""What every step leaves behind: audit, talk on the work item, news for other apps.

Talk and the item's own status go by the outbox. Whoever holds a work item's lock would otherwise
hold the deployment's row with it, and a rollback would wait for somebody's comment.
"""

from __future__ import annotations

from typing import Any

from controlplane.audit.refs import subject_ref
from controlplane.audit.services import record
from controlplane.base import signals
from controlplane.lib import actors, context
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError
from controlplane.lib.ids import uuid7
from controlplane.notify import outbox
from controlplane.notify.channels.base import Outcome
from controlplane.notify.models import OutboxMessage
from controlplane.work import services as work
from controlplane.work.models import Item
from deployments.models import Deployment

PORTAL = actors.job("deployments")
TOPIC = "deployments.said"
EVENT = "deployments.event"


def note(
    deployment: Deployment,
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
    record(
        actor,
        action,
        deployment,
        before=before,
        after=after,
        reason=reason,
        details=details,
    )
    if said:
        say(deployment, said, actor=actor)


def say(deployment: Deployment, text: str, *, actor: Actor, **moves: str) -> None:
    """A comment on the work item, signed with whoever acted. `status` or `close` (the reason)
    move the item along."""
    outbox.enqueue(
        TOPIC,
        {
            "deployment": str(deployment.uid),
            "text": text[:20_000],
            "name": actor.label,
            "source": context.current().source,
            **moves,
        },
        key=f"deployment-said:{uuid7()}",
        workspace_id=deployment.workspace_id,
        subject=subject_ref(deployment),
    )


def emit(deployment: Deployment, what: str, **more: Any) -> None:
    """News for the packages above; once for each state it comes to."""
    signals.emit(
        EVENT,
        key=f"{deployment.uid}:{what}:{deployment.version}",
        payload={
            "deployment": str(deployment.uid),
            "ref": deployment.ref,
            "what": what,
            "kind": deployment.kind,
            "tier": deployment.tier,
            "release": deployment.release,
            "environment": deployment.environment.slug,
            "status": deployment.status,
            "severity": "info",
            **more,
        },
        workspace_id=deployment.workspace_id,
    )


@outbox.topic(TOPIC)
def tell_item(message: OutboxMessage) -> Outcome:
    told = message.payload
    rows = Deployment.objects.select_related("item__project").filter(uid=told["deployment"])
    deployment = rows.first()
    if deployment is None or deployment.item is None:
        return Outcome("rejected", "there is no work item to say it on")
    item = deployment.item
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


def _move(item: Item, told: dict[str, Any]) -> str:
    """Why the item could not follow; empty when it did. It is not tried for ever: people see it
    there."""
    try:
        if told.get("close"):
            work.close_item(item, actor=PORTAL, reason=told["close"], name=told["name"])
        elif told.get("status"):
            item.refresh_from_db()
            if item.category != "done" and item.status != told["status"]:
                work.update_item(item, actor=PORTAL, status=told["status"], name=told["name"])
    except ControlPlaneError as error:
        return f"The item could not follow its deployment: {error.message}"
    return ""
