"""What the pages share: who may open them, of which workspace they are, regions asked alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.admin.showing import PART, tag_of
from controlplane.base.web import actor_of, workspace_of
from telemetry.shown.times import linked

View = Callable[..., HttpResponseBase]


def page(view: View) -> View:
    """For whoever may enter the console and see telemetry."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not admin.site.has_permission(request):
            return admin.site.login(request)
        policy.require(actor_of(request), "telemetry.view")
        return view(request, *args, **kwargs)

    return guarded


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], parts: Mapping[str, str]
) -> HttpResponse:
    """The page, or the one region of it that is asked for alone: 304 while that reads the same."""
    region = parts.get(request.GET.get(PART, ""))
    context = {**context, "in_workspace": linked("", _named(request))}
    if region is None:
        return render(request, template, {**admin.site.each_context(request), **context})
    text = render_to_string(region, context, request=request)
    tag = tag_of(text)
    same = request.headers.get("If-None-Match") == tag
    response = HttpResponse(status=304) if same else HttpResponse(text)
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    return response


def onwards(request: HttpRequest, path: str) -> str:
    """Another page, of the workspace that this one's address names: such a name is not kept, and
    the next page would speak of the workspace that was chosen before."""
    return linked(path, _named(request))


def _named(request: HttpRequest) -> dict[str, str]:
    return {"workspace": request.GET.get("workspace", "")}


def workspace_shown(request: HttpRequest) -> Workspace | None:
    """Figures of two workspaces are never added up: where none is chosen, the first by name."""
    chosen = workspace_of(request)
    if chosen is not None:
        return chosen
    known: list[Workspace] = getattr(request, "workspaces", [])
    return known[0] if known else None
