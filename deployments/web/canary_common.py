"""What the pages of rollouts share: which rollout they are of, and the frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from controlplane.access import policy
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import NotFound
from deployments.canary import links
from deployments.models import Rollout

RELATED = ("workspace", "flag__workspace", "environment", "deployment", "baseline", "approval")


def rollout_of(request: HttpRequest, pk: int) -> Rollout:
    """Out of scope is the same as gone."""
    actor = actor_of(request)
    policy.require(actor, "rollout.view")
    rows = Rollout.objects.visible_to(actor).select_related(*RELATED)
    chosen = workspace_of(request)
    if chosen is not None:
        rows = rows.of(chosen)
    found: Rollout | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("No such rollout.")
    return found


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    rollout = context.get("rollout")
    whole["back"] = links.page_of(rollout) if rollout is not None else links.LIST
    return render(request, f"deployments/canary/{template}", whole, status=status)
