"""That somebody has seen a ticket: the first to do anything with it."""

from __future__ import annotations

from typing import Any

from controlplane.lib import clock
from controlplane.lib.actors import Actor
from incidents.models import Ticket
from incidents.support import calling, clocks


def seen(row: Ticket, actor: Actor) -> dict[str, Any]:
    """What an acknowledgment changes; empty where there was one."""
    if row.acknowledged_at is not None:
        return {}
    changes: dict[str, Any] = {
        "acknowledged_at": clock.now(),
        "acknowledged_by_id": actor.user_id,
    }
    if row.assignee_id is None and actor.user_id is not None:
        changes["assignee_id"] = actor.user_id
    return changes


def after_seen(row: Ticket, actor: Actor, *, way: str = "console") -> None:
    row.refresh_from_db(fields=["assignee", "acknowledged_by", "due_at"])
    calling.follow(row, actor=actor, way=way)
    for which in clocks.PROMISES:
        clocks.follow(row, which)
