"""What the pages of missions share: who may open them, which mission they are of, the frame,
refusals beside their fields."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from controlplane.access import policy
from controlplane.base.posting import conditions
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import ControlPlaneError, NotFound
from missions import links
from missions.models import Mission

View = Callable[..., HttpResponseBase]
RELATED = ("workspace", "owner", "item")


def page(view: View) -> View:
    """For whoever may enter the console and see missions."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not admin.site.has_permission(request):
            return admin.site.login(request)
        policy.require(actor_of(request), "mission.view")
        return view(request, *args, **kwargs)

    return guarded


def show(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    row: Mission | None = None,
    error: ControlPlaneError | None = None,
    status: int = 0,
) -> HttpResponse:
    """Of a mission (`row`) or of none. With an error, its sentence and the field it is about."""
    whole = {
        **admin.site.each_context(request),
        "row": row,
        "back": links.page_of(row) if row is not None else "",
        "error": error.message if error is not None else "",
        "conditions": conditions(error) if error is not None else [],
        "wrong": next(iter(error.details), "") if error is not None else "",
        **context,
    }
    given = error.status if error is not None else 200
    return render(request, f"missions/{template}", whole, status=status or given)


def mission_of(request: HttpRequest, uid: uuid.UUID) -> Mission:
    """Out of scope is the same as gone."""
    rows = Mission.objects.visible_to(actor_of(request))
    chosen = workspace_of(request)
    if chosen is not None:
        rows = rows.of(chosen)
    found: Mission | None = rows.select_related(*RELATED).filter(uid=uid).first()
    if found is None:
        raise NotFound("No such mission.")
    return found
