"""What every step of a window leaves behind: audit, talk on its work item, news for other apps."""

from __future__ import annotations

from typing import Any

from controlplane.audit.services import record
from controlplane.base import signals
from controlplane.lib import actors
from controlplane.lib.actors import Actor
from controlplane.work import services as work
from deployments.models import MaintenanceWindow
from telemetry import telling

PORTAL = actors.job("maintenance")


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
    """A comment on the work item, which follows: see `work.say_later`."""
    work.say_later(window, text, actor=actor, portal=PORTAL, **moves)


# What charts mark, by what is news.
CHARTS = {
    "maintenance.started": "maintenance_started",
    "maintenance.ended": "maintenance_completed",
}


def emit(window: MaintenanceWindow, kind: str, **more: Any) -> None:
    """News for the packages above: they silence alerts, and write the status page. Charts mark
    when it began and ended."""
    if kind in CHARTS:
        telling.tell(
            window.workspace_id, CHARTS[kind], {"window": str(window.ref)},
            key=f"{kind}:{window.uid}:{window.revision}", env=window.environment.slug,
        )  # fmt: skip
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
