"""What every step leaves behind: audit, talk on the work item, news for other apps."""

from __future__ import annotations

from typing import Any

from controlplane.audit.services import record
from controlplane.base import signals
from controlplane.lib import actors
from controlplane.lib.actors import Actor
from controlplane.work import services as work
from deployments.models import Deployment
from telemetry import telling

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
    """News for the packages above and for charts; once for each state it comes to."""
    key = f"{deployment.uid}:{what}:{deployment.version}"
    _tell_charts(deployment, what, key)
    signals.emit(
        EVENT,
        key=key,
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


_ENDS = {"completed": "success", "failed": "error", "rolled_back": "error"}


def _tell_charts(deployment: Deployment, what: str, key: str) -> None:
    if what != "started" and what not in _ENDS:
        return
    place = deployment.environment.slug
    said: dict[str, Any] = {"deployment": str(deployment.ref), "environment": place}
    if what == "started":
        name, said = "deployment_started", {**said, "tier": str(deployment.tier)}
    else:
        name, said = "deployment_completed", {**said, "outcome": what}
    telling.tell(
        deployment.workspace_id, name, said, key=f"deployment:{key}", env=place,
        status=_ENDS.get(what, ""),
    )  # fmt: skip
