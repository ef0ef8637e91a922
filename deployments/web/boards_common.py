"""What the pages over many deployments share: who may open them, of which workspace they are,
what is asked for in their address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.base.web import actor_of, workspace_of
from controlplane.catalog.models import Component, Environment
from controlplane.lib.errors import NotFound
from controlplane.oncall.walls import zone_of

View = Callable[..., HttpResponseBase]


def page_for(action: str) -> Callable[[View], View]:
    """For whoever may enter the console and do this."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not admin.site.has_permission(request):
                return admin.site.login(request)
            policy.require(actor_of(request), action)
            return view(request, *args, **kwargs)

        return guarded

    return guard


page = page_for("deployment.view")


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    return render(request, f"deployments/{template}", whole, status=status)


def workspace_shown(request: HttpRequest) -> Workspace:
    """What runs in two workspaces is never put on one board: where none is chosen, the first by
    name."""
    chosen = workspace_of(request)
    if chosen is not None:
        return chosen
    known: list[Workspace] = getattr(request, "workspaces", [])
    if not known:
        raise NotFound("There is no workspace to show.")
    return known[0]


def several(request: HttpRequest) -> bool:
    """Whether the page should say of which workspace it is."""
    return workspace_of(request) is None and len(getattr(request, "workspaces", [])) > 1


def places_of(workspace: Workspace) -> list[Environment]:
    return list(Environment.objects.of(workspace).order_by("order", "slug"))


def asked_place(request: HttpRequest, known: list[Environment]) -> Environment | None:
    """What is misspelt in the address is not asked for."""
    slug = request.GET.get("environment", "")
    return next((each for each in known if each.slug == slug), None)


def asked_component(request: HttpRequest, workspace: Workspace) -> Component | None:
    slug = request.GET.get("component", "")[:50]
    if not slug:
        return None
    found: Component | None = Component.objects.of(workspace).filter(slug=slug).first()
    return found


def components_of(workspace: Workspace) -> list[Component]:
    return list(Component.objects.of(workspace).filter(is_active=True).order_by("order", "name"))


def zone_for(request: HttpRequest) -> ZoneInfo:
    user = request.user
    return zone_of(user.time_zone if isinstance(user, User) else "UTC")
