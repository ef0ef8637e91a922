"""What the pages of deployments share: who may open them, which deployment they are of, the frame,
refusals beside their fields."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import NotFound
from deployments import links
from deployments.models import Deployment
from deployments.web.boards_common import page_for

RELATED = ("environment", "workspace", "item", "approval", "flag", "watcher", "previous",
           "reverses")  # fmt: skip
page = page_for("deployment.view")


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    row = context.get("row")
    if row is not None:
        whole.setdefault("back", links.page_of(row))
    return render(request, f"deployments/deck/{template}", whole, status=status)


def deployment_of(request: HttpRequest, uid: uuid.UUID) -> Deployment:
    """Out of scope is the same as gone."""
    rows = Deployment.objects.visible_to(actor_of(request))
    chosen = workspace_of(request)
    if chosen is not None:
        rows = rows.of(chosen)
    found: Deployment | None = rows.select_related(*RELATED).filter(uid=uid).first()
    if found is None:
        raise NotFound("No such deployment.")
    return found
