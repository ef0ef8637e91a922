"""What every step leaves behind: audit, talk on the work item, news for other apps."""

from __future__ import annotations

from typing import Any

from controlplane.audit.services import record
from controlplane.base import signals
from controlplane.lib import actors
from controlplane.lib.actors import Actor
from controlplane.work import services as work
from deployments.models import Deployment

PORTAL = actors.job("deployments")
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
    """A comment on the work item, which follows: see `work.say_later`."""
    work.say_later(deployment, text, actor=actor, portal=PORTAL, **moves)


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
