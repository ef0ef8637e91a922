"""What every change of an item leaves: a line in its own history and one in the audit log."""

from __future__ import annotations

from typing import Any

from controlplane.audit.services import record
from controlplane.lib import clock, context
from controlplane.lib.actors import Actor
from controlplane.work.models import Item, ItemEvent

LONGEST = 2_000


def speaker(actor: Actor, name: str = "") -> str:
    """Whose name stands on the item. A tool may say for whom it works; the audit log keeps the
    account that really acted."""
    return (name or actor.label or actor.ref).strip()[:200]


def event(
    item: Item,
    kind: str,
    *,
    actor: Actor,
    name: str = "",
    old: Any = "",
    new: Any = "",
    comment: str = "",
    forced: bool = False,
) -> ItemEvent:
    """Unsaved, for those who write many."""
    now = context.current()
    return ItemEvent(
        workspace_id=item.workspace_id,
        item=item,
        kind=kind,
        actor_name=speaker(actor, name),
        actor_ref=actor.ref[:80],
        old=_text(old),
        new=_text(new),
        comment=comment[:LONGEST],
        forced=forced,
        source=now.source[:20],
        request_id=now.request_id[:128],
        at=clock.now(),
    )


def note(
    item: Item,
    kind: str,
    action: str,
    *,
    actor: Actor,
    name: str = "",
    old: Any = "",
    new: Any = "",
    comment: str = "",
    forced: bool = False,
    details: Any = None,
) -> None:
    """The item's history and the audit log, in the change's transaction."""
    event(
        item, kind, actor=actor, name=name, old=old, new=new, comment=comment, forced=forced
    ).save()
    said = speaker(actor, name)
    extra = {**(details or {}), **({"as": said} if said != actor.label else {})}
    if forced:
        extra["forced"] = True
    record(
        actor,
        action,
        item,
        before=old if isinstance(old, dict) else None,
        after=new if isinstance(new, dict) else None,
        reason=comment,
        details=extra or None,
    )


def _text(value: Any) -> str:
    """A history is read by people: one changed field is its value, several are pairs."""
    if isinstance(value, dict):
        parts = (f"{key}: {item}" for key, item in value.items())
        return "; ".join(parts)[:LONGEST]
    return str(value if value is not None else "")[:LONGEST]
