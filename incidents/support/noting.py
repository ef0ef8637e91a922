"""What every step of a ticket leaves behind: the log, and talk on its work item."""

from __future__ import annotations

from typing import Any

from controlplane.audit.services import record
from controlplane.lib import actors
from controlplane.lib.actors import Actor
from controlplane.work import services as work
from incidents.models import Ticket

PORTAL = actors.job("support")


def note(
    row: Ticket,
    action: str,
    *,
    actor: Actor,
    said: str = "",
    before: Any = None,
    after: Any = None,
    reason: str = "",
    details: dict[str, Any] | None = None,
) -> None:
    """The log, and with `said` a line on the work item."""
    record(actor, action, row, before=before, after=after, reason=reason, details=details)
    if said:
        say(row, said, actor=actor)


def say(row: Ticket, text: str, *, actor: Actor, **moves: str) -> None:
    work.say_later(row, text, actor=actor, portal=PORTAL, **moves)
