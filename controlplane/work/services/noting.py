"""What every change of an item leaves: a line in its own history and one in the audit log."""

from __future__ import annotations

from typing import Any

from django.db import connection

from controlplane.audit.services import record
from controlplane.lib import clock, context
from controlplane.lib.actors import Actor
from controlplane.work.models import Item, ItemEvent

LONGEST = 2_000

# By hand, since every change does it: and to ask in it whether anybody is to be told is free.
_COLUMNS = tuple(field.attname for field in ItemEvent._meta.concrete_fields)[1:]  # all but the id
_ADD = (
    f"INSERT INTO work_itemevent ({', '.join(_COLUMNS)})"  # noqa: S608 - no input stands in it
    f" VALUES ({', '.join(['%s'] * len(_COLUMNS))})"
    " RETURNING EXISTS (SELECT FROM work_watching w WHERE w.item_id = work_itemevent.item_id)"
)


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
) -> bool:
    """The item's history and the audit log, in the change's transaction. Answers whether anybody
    follows the item."""
    line = event(
        item, kind, actor=actor, name=name, old=old, new=new, comment=comment, forced=forced
    )
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [getattr(line, column) for column in _COLUMNS])
        followed = bool(cursor.fetchone()[0])
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
    return followed


def _text(value: Any) -> str:
    """A history is read by people: one changed field is its value, several are pairs."""
    if isinstance(value, dict):
        parts = (f"{key}: {item}" for key, item in value.items())
        return "; ".join(parts)[:LONGEST]
    return str(value if value is not None else "")[:LONGEST]
