"""What every step of a window leaves behind: audit, talk on its work item, news for other apps."""

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
from deployments.models import MaintenanceWindow

PORTAL = actors.job("maintenance")
TOPIC = "maintenance.said"


def note(
    window: MaintenanceWindow,
    action: str,
    *,
    actor: Actor,
    said: str = "",
    **told: Any,
) -> None:
    """The audit row (`before`, `after`, `reason`), and with `said` a line on the item."""
    record(actor, action, window, **told)
    if said:
        say(window, said, actor=actor)


def say(window: MaintenanceWindow, text: str, *, actor: Actor, **moves: str) -> None:
    """A comment on the work item, signed with whoever acted. `status` or `close` (the reason)
    move the item along; `parts` (the reason) closes what is open below it first."""
    outbox.enqueue(
        TOPIC,
        {
            "window": str(window.uid),
            "text": text[:20_000],
            "name": actor.label,
            "source": context.current().source,
            **moves,
        },
        key=f"maintenance-said:{uuid7()}",
        workspace_id=window.workspace_id,
        subject=subject_ref(window),
    )


def emit(window: MaintenanceWindow, kind: str, **more: Any) -> None:
    """News for the packages above: they silence alerts, and write the status page."""
    parts = window.parts.select_related("service").order_by("service__slug")
    signals.emit(
        kind,
        key=f"{window.uid}:{window.revision}:{more.get('notice', '')}",
        payload={
            "window": str(window.uid),
            "ref": window.ref,
            "title": window.title,
            "kind": window.kind,
            "owner": window.owner,
            "partner": window.partner,
            "environment": window.environment.slug,
            "services": [part.service.slug for part in parts],
            "starts_at": window.starts_at.isoformat(),
            "ends_at": window.ends_at.isoformat(),
            "severity": "info",
            **more,
        },
        workspace_id=window.workspace_id,
    )


@outbox.topic(TOPIC)
def tell_item(message: OutboxMessage) -> Outcome:
    told = message.payload
    rows = MaintenanceWindow.objects.select_related("item__project")
    window = rows.filter(uid=told["window"]).first()
    if window is None or window.item is None:
        return Outcome("rejected", "there is no work item to say it on")
    item = window.item
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
    """Why the item could not follow; empty when it did. People see it there."""
    name = told["name"]
    try:
        if told.get("parts"):
            for part in item.children.exclude(category="done").defer("search").order_by("-pk"):
                work.close_item(part, actor=PORTAL, reason=told["parts"], name=name)
        if told.get("close"):
            item.refresh_from_db()
            work.close_item(item, actor=PORTAL, reason=told["close"], name=name)
        elif told.get("status"):
            item.refresh_from_db()
            if item.category != "done" and item.status != told["status"]:
                work.update_item(item, actor=PORTAL, status=told["status"], name=name)
    except ControlPlaneError as error:
        return f"The item could not follow its window: {error.message}"
    return ""
