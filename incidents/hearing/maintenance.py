"""Maintenance that runs keeps the alerts of its services quiet until it is over."""

from __future__ import annotations

import re
from datetime import timedelta

from controlplane.access.models import Workspace
from controlplane.base import signals
from controlplane.base.models import Signal
from controlplane.lib import clock, defaults
from deployments.maintenance.services.missing import MISSED
from deployments.maintenance.services.running import ENDED, STARTED
from deployments.models import MaintenanceWindow
from incidents.intake.formats.common import moment_of
from incidents.models import Silence
from incidents.records.noting import PORTAL
from incidents.routing import silences

OVERRUN = defaults.define(
    "alerts.maintenance_overrun_s",
    1800.0,
    unit="seconds",
    why="Work that takes longer than planned stays quiet this much longer, then it is heard.",
)


@signals.consumes(STARTED)
def started(signal: Signal) -> None:
    told = signal.payload
    workspace = Workspace.objects.filter(pk=signal.workspace_id or 0, archived_at=None).first()
    ends = moment_of(told.get("ends_at"))
    services = [str(slug) for slug in told.get("services") or []]
    if workspace is None or ends is None or not services:
        return
    until = ends + timedelta(seconds=OVERRUN.value)
    rows = Silence.objects.filter(workspace=workspace, origin="maintenance")
    if until <= clock.now() or rows.filter(origin_key=told["window"]).exists():
        return
    # News come in any order: its end may have been heard already.
    if not MaintenanceWindow.objects.filter(uid=told["window"], status="in_progress").exists():
        return
    silences.create_silence(
        workspace,
        actor=PORTAL,
        matchers=[
            {"name": "service", "value": "|".join(map(re.escape, services)), "isRegex": True,
             "isEqual": True}
        ],
        ends_at=until,
        comment=f"{told.get('ref')}: {told.get('title')}"[:1_000],
        origin=Silence.Origin.MAINTENANCE,
        origin_key=str(told["window"]),
    )  # fmt: skip


@signals.consumes(ENDED)
def ended(signal: Signal) -> None:
    rows = Silence.objects.filter(
        workspace=signal.workspace_id, origin="maintenance", origin_key=signal.payload["window"]
    )
    for row in rows:
        silences.end_silence(row, actor=PORTAL, reason="The maintenance is over.")


@signals.consumes(MISSED)
def missed(signal: Signal) -> None:
    """It never began: nothing was kept quiet for it."""
