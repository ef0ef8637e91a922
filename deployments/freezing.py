"""What a time forbids: freezes, and windows that others register."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from deployments.flags.models import Flag
from deployments.models import Deployment, Freeze

# (deployment, at) -> why it can't go then, or "". Maintenance windows put themselves here.
Window = Callable[[Deployment, datetime], str]
WINDOWS: list[Window] = []


def register_window(window: Window) -> Window:
    if window not in WINDOWS:
        WINDOWS.append(window)
    return window


def freeze_at(workspace_id: int, environment_id: int, at: datetime | None = None) -> Freeze | None:
    """The one that ends last of those that hold there."""
    rows = Freeze.objects.of(workspace_id).in_force(at).over(environment_id)
    found: Freeze | None = rows.order_by("-ends_at", "pk").first()
    return found


def in_the_way(deployment: Deployment, *, at: datetime | None = None) -> Freeze | None:
    return freeze_at(deployment.workspace_id, deployment.environment_id, at)


def other_window(deployment: Deployment, *, at: datetime) -> str:
    return next((said for each in WINDOWS if (said := each(deployment, at))), "")


def flag_frozen(flag: Flag, environment_id: int) -> str | None:
    """For the flags: why one may not go up there now."""
    freeze = freeze_at(flag.workspace_id, environment_id)
    if freeze is None:
        return None
    return f"{freeze.title}: nothing goes up until {freeze.ends_at:%Y-%m-%d %H:%M} UTC."
