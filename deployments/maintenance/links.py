"""Where the pages of windows are."""

from __future__ import annotations

from urllib.parse import urlencode

from controlplane.approvals.links import page_of as request
from deployments.links import page_of as deployment
from deployments.links import row
from deployments.models import MaintenanceWindow

LIST = "/admin/deployments/maintenancewindow/"
PLAN = "/admin/maintenance/plan/"
__all__ = ["LIST", "PLAN", "deployment", "door", "listing", "request", "row", "window"]


def window(obj: MaintenanceWindow) -> str:
    return f"{LIST}{obj.uid}/change/"


def door(obj: MaintenanceWindow, name: str) -> str:
    """A form of this window: reschedule, change, follow-ups and so on."""
    return f"/admin/maintenance/{obj.uid}/{name}/"


def listing(**query: str) -> str:
    return f"{LIST}?{urlencode(query)}" if query else LIST
