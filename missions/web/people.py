"""People to choose from."""

from __future__ import annotations

from typing import Any

from controlplane.access.models import User, Workspace


def people_in(workspace: Workspace | None) -> Any:
    """Who works in this workspace, by name."""
    if workspace is None:
        return User.objects.none()
    held = User.objects.filter(
        is_active=True,
        memberships__workspace=workspace,
        memberships__left_at=None,
        memberships__grants__isnull=False,
    )
    return held.distinct().order_by("name", "email")
