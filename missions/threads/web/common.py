"""What the pages of threads share: who may open them, which thread they are of, their frame."""

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
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import ControlPlaneError, NotFound
from missions.threads import links
from missions.threads.models import Thread

View = Callable[..., HttpResponseBase]
_RELATED = ("workspace", "owner", "escalation_owner", "item")


def page(view: View) -> View:
    """For whoever may enter the console and see threads."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not admin.site.has_permission(request):
            return admin.site.login(request)
        policy.require(actor_of(request), "thread.view")
        return view(request, *args, **kwargs)

    return guarded


def thread_of(request: HttpRequest, uid: uuid.UUID) -> Thread:
    """Out of scope is the same as gone."""
    rows = Thread.objects.visible_to(actor_of(request))
    chosen = workspace_of(request)
    if chosen is not None:
        rows = rows.filter(workspace=chosen)
    found: Thread | None = rows.select_related(*_RELATED).filter(uid=uid).first()
    if found is None:
        raise NotFound("No such thread.")
    return found


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, row: Thread,
    error: ControlPlaneError | None = None,
) -> HttpResponse:  # fmt: skip
    """With an error, its sentence and the field it is about."""
    whole = {
        **admin.site.each_context(request),
        "row": row,
        "back": links.page_of(row),
        "error": error.message if error is not None else "",
        "wrong": next(iter(error.details), "") if error is not None else "",
        **context,
    }
    return render(
        request, f"threads/{template}", whole, status=error.status if error is not None else 200
    )
