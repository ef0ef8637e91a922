"""What the pages share: who may open them, which request they are about, the frame around them."""

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
from controlplane.approvals.models import Request
from controlplane.base.web import actor_of
from controlplane.lib.errors import NotFound

View = Callable[..., HttpResponseBase]


def page(view: View) -> View:
    """For whoever may enter the console and see approvals."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not admin.site.has_permission(request):
            return admin.site.login(request)
        policy.require(actor_of(request), "approval.view")
        return view(request, *args, **kwargs)

    return guarded


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    return render(request, f"approvals/{template}", whole, status=status)


def approval_of(request: HttpRequest, uid: uuid.UUID) -> Request:
    """Out of scope is the same as gone."""
    rows = Request.objects.visible_to(actor_of(request)).select_related(
        "workspace", "requested_by", "item", "item__project", "supersedes"
    )
    found: Request | None = rows.filter(uid=uid).first()
    if found is None:
        raise NotFound("No such approval request.")
    return found
