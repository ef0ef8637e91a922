"""What a deployment, a window or a mission says on the item that stands for it, and how the item
follows.

By the outbox, written with the change. Whoever holds an item's lock would otherwise hold the row
of its owner with it, and a rollback would wait for somebody's comment.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

from controlplane.audit.refs import subject_ref
from controlplane.lib import actors, clock, context
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError
from controlplane.lib.ids import uuid7
from controlplane.notify import outbox
from controlplane.notify.channels.base import Outcome
from controlplane.notify.models import OutboxMessage
from controlplane.work.models import Item
from controlplane.work.services.closing import close_item
from controlplane.work.services.items import update_item
from controlplane.work.services.talk import comment

TOPIC = "work.said"
FIELDS = ("status", "stage")


def say_later(owner: Any, text: str, *, actor: Actor, portal: Actor, **moves: str) -> None:
    """A comment on the owner's item, signed with whoever acted. `status`, `stage` or `close` (the
    reason) move the item along; `parts` (the reason) closes what is open below it first. `portal`
    is the job that does it."""
    if owner.item_id is None:
        return
    outbox.enqueue(
        TOPIC,
        {
            "item": owner.item_id,
            "text": text[:20_000],
            "name": actor.label,
            "source": context.current().source,
            "portal": portal.label,
            "owner": str(owner._meta.verbose_name),
            "at": told_of.isoformat() if (told_of := clock.told_of()) else "",
            **moves,
        },
        key=f"{TOPIC}:{uuid7()}",
        workspace_id=owner.workspace_id,
        subject=subject_ref(owner),
    )


@outbox.topic(TOPIC)
def tell_item(message: OutboxMessage) -> Outcome:
    told = message.payload
    item = Item.objects.select_related("project").filter(pk=told["item"]).first()
    if item is None:
        return Outcome("rejected", "the work item is not there any more")
    portal = actors.job(told["portal"])
    if told["text"]:
        with _as_of(told.get("at", "")):
            comment(
                item,
                told["text"],
                actor=portal,
                name=told["name"],
                source=told["source"],
                origin=message.key,
            )
    refused = _follow(item, told, portal)
    if refused:
        comment(item, refused, actor=portal, origin=f"{message.key}:refused"[:80])
    return Outcome("accepted")


def _as_of(at: str) -> AbstractContextManager[None]:
    """What was told of the past, with the clock set back, stands there."""
    return clock.standing_at(datetime.fromisoformat(at)) if at else nullcontext()


def _follow(item: Item, told: dict[str, Any], portal: Actor) -> str:
    """Why the item could not follow; empty when it did. It is not tried for ever: people see it
    there."""
    name = told["name"]
    try:
        if told.get("parts"):
            for part in item.children.exclude(category="done").defer("search").order_by("-pk"):
                close_item(part, actor=portal, reason=told["parts"], name=name)
        item.refresh_from_db()
        if told.get("close"):
            close_item(item, actor=portal, reason=told["close"], name=name)
        elif item.category != "done":
            given = {field: told[field] for field in FIELDS if told.get(field)}
            wanted = {field: to for field, to in given.items() if getattr(item, field) != to}
            if wanted:
                update_item(item, actor=portal, name=name, **wanted)
    except ControlPlaneError as error:
        return f"The item could not follow its {told['owner']}: {error.message}"
    return ""
