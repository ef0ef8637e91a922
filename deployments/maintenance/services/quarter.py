"""Maintenance comes once a quarter. A quarter into which nothing is planned is asked about, once,
while there is time left to plan two weeks ahead."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError
from controlplane.notify.models import Notification
from controlplane.notify.services import To, notify
from controlplane.work import services as work
from controlplane.work.models import Item
from deployments.maintenance import numbers, plans
from deployments.maintenance.noting import PORTAL
from deployments.models import MaintenanceWindow

logger = logging.getLogger(__name__)
ASKED = ("engineering_lead", "release_manager")


def is_planned(workspace: Workspace, start: datetime, end: datetime) -> bool:
    """Ours, and given a time. A draft is a thought, of a missed one nothing was done; an emergency
    came by itself."""
    rows = MaintenanceWindow.objects.of(workspace).filter(owner="us", kind="scheduled")
    rows = rows.exclude(status__in=["draft", "missed", "cancelled"])
    return bool(rows.filter(starts_at__gte=start, starts_at__lt=end).exists())


def check(now: datetime | None = None) -> dict[str, int]:
    now = now or clock.now()
    name, start, end = plans.quarter_of(now)
    counts = {"workspaces": 0, "planned": 0, "asked": 0, "left_open": 0}
    for workspace in Workspace.objects.filter(archived_at=None).order_by("pk"):
        counts["workspaces"] += 1
        if is_planned(workspace, start, end):
            counts["planned"] += 1
            counts["left_open"] += not _settle(workspace, name)
        elif now >= start + timedelta(days=numbers.REMIND_DAYS.value):
            counts["asked"] += _ask(workspace, name)
    return counts


def key_of(quarter: str) -> str:
    return f"maintenance-quarter:{quarter}"


@transaction.atomic
def _ask(workspace: Workspace, quarter: str) -> bool:
    """Once a quarter, whatever became of the item: who closed it has read it."""
    key = key_of(quarter)
    if Notification.objects.filter(workspace_id=workspace.pk, key=key).exists():
        return False
    project = work.ensure_operations_project(workspace, actor=PORTAL)
    item = work.ensure(
        project,
        key,
        actor=PORTAL,
        title=f"Plan the maintenance of {quarter}",
        item_type="task",
        priority=2,
        labels=["maintenance"],
        description="Maintenance comes once a quarter, on a Sunday between 02:00 and 06:00 UTC, "
        "planned two weeks ahead. Plan a window; this closes by itself.",
    ).item
    notify(
        workspace_id=workspace.pk,
        kind="maintenance.quarter",
        to=To(roles=list(ASKED)),
        key=key,
        values={"quarter": quarter, "item": item.key},
        link="/admin/maintenance/plan/",
    )
    return True


def _settle(workspace: Workspace, quarter: str) -> bool:
    """Whether nothing of it is open. What people hung work on, they close themselves."""
    item = Item.objects.filter(workspace=workspace, ensure_key=key_of(quarter))
    still = item.exclude(category="done").select_related("project").first()
    if still is None:
        return True
    try:
        work.close_item(still, actor=PORTAL, reason="A window is planned.")
    except ControlPlaneError as error:
        logger.info("%s stays open: %s", still.key, error)
        return False
    return True
