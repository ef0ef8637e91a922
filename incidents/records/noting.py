"""What every step leaves behind: the log, talk on the work item, news for other apps."""

from __future__ import annotations

from typing import Any

from controlplane.audit.services import record
from controlplane.lib import actors
from controlplane.lib.actors import Actor
from controlplane.work import services as work
from incidents.models import Incident

PORTAL = actors.job("incidents")


def note(
    incident: Incident,
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
    record(
        actor,
        action,
        incident,
        before=before,
        after=after,
        reason=reason,
        details=details,
    )
    if said:
        say(incident, said, actor=actor)


def say(incident: Incident, text: str, *, actor: Actor, **moves: str) -> None:
    """A comment on the work item, which follows: see `work.say_later`."""
    work.say_later(incident, text, actor=actor, portal=PORTAL, **moves)
