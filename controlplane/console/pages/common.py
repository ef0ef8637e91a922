"""What the console's own pages share: the guard, the frame, parts that are asked for alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme

from controlplane.base.admin.showing import tag_of

View = Callable[..., HttpResponse]


def console(view: View) -> View:
    """Whoever may enter the console, by the console's own question."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not admin.site.has_permission(request):
            return admin.site.login(request)
        return view(request, *args, **kwargs)

    return guarded


def show(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), **context})


def part(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """A region of a page, for whoever has the page open: 304 while it reads the same."""
    text = render_to_string(template, dict(context), request=request)
    tag = tag_of(text)
    if request.headers.get("If-None-Match") == tag:
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(text)
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    return response


def back_to(request: HttpRequest, otherwise: str) -> str:
    """Where the form that was sent stands; only ever inside this portal."""
    target = request.POST.get("next", "")
    inside = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if inside and target.startswith("/") else otherwise
