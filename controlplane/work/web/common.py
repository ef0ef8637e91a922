"""What the pages share: who may open them, the frame around them, which workspace they are of."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from controlplane.access import policy
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from controlplane.work.models import Item, Project

View = Callable[..., HttpResponseBase]


def page(view: View) -> View:
    """For whoever may enter the console and see work."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not admin.site.has_permission(request):
            return admin.site.login(request)
        policy.require(actor_of(request), "work.view")
        return view(request, *args, **kwargs)

    return guarded


def show(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    return render(request, f"work/{template}", {**admin.site.each_context(request), **context})


def items_here(request: HttpRequest) -> Any:
    """What the person may see, of the chosen workspace where one is chosen."""
    rows = Item.objects.visible_to(actor_of(request)).defer("search")
    workspace = workspace_of(request)
    return rows.filter(workspace=workspace) if workspace is not None else rows


def projects_here(request: HttpRequest) -> Any:
    rows = Project.objects.visible_to(actor_of(request)).in_use().shared()
    workspace = workspace_of(request)
    return rows.filter(workspace=workspace) if workspace is not None else rows


def item_of(request: HttpRequest, uid: uuid.UUID) -> Item:
    rows = Item.objects.visible_to(actor_of(request)).select_related("project")
    item: Item | None = rows.filter(uid=uid).first()
    if item is None:
        raise NotFound("No such item.")
    return item


def read_uid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def back(request: HttpRequest, otherwise: str) -> HttpResponseRedirect:
    """To where the form stands; only ever inside this portal."""
    target = request.POST.get("next", "")
    inside = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(target if inside and target.startswith("/") else otherwise)


def tried(request: HttpRequest, done: str, call: Callable[[], Any]) -> bool:
    """Run a service for a form: its refusal becomes a message, a denial stays a denial."""
    try:
        call()
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        messages.error(request, error.message)
        return False
    if done:
        messages.success(request, done)
    return True
