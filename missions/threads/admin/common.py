"""What forms of threads choose from."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from controlplane.access.models import User
from controlplane.base.web import actor_of, workspace_of


def here(request: HttpRequest) -> list[int]:
    chosen = workspace_of(request)
    return [chosen.pk] if chosen is not None else sorted(actor_of(request).workspace_ids)


def members(request: HttpRequest) -> Any:
    """Whoever belongs to the chosen workspace, or to those that are seen."""
    held = User.objects.filter(
        is_active=True, memberships__workspace_id__in=here(request), memberships__left_at=None
    )
    return held.distinct().order_by("name", "email")
