"""What the pages of access share: who may open them, where they lead, how refusals are shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from controlplane.access import policy
from controlplane.access.models import UserSession, Workspace
from controlplane.access.step_up import has_recent_factor
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, Invalid, NotAllowed, NotFound, RateLimited

View = Callable[..., HttpResponse]


def show(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """A page in the console's frame. Never cached: it shows one person's things."""
    shown = {**admin.site.each_context(request), "is_nav_sidebar_enabled": False, **(context or {})}
    response = render(request, f"access/{template}", shown, status=status)
    add_never_cache_headers(response)
    return response


def safe_next(request: HttpRequest, target: str | None = None) -> str:
    """Where to go afterwards: only into this portal, else home."""
    target = target or request.POST.get("next") or request.GET.get("next") or ""
    inside = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    # "//host" and "/\\host" are refused above; a path is all we ever mean.
    return target if inside and target.startswith("/") else reverse(settings.LOGIN_REDIRECT_URL)


def with_next(name: str, target: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{reverse(name)}?{urlencode({'next': target})}")


def session_of(request: HttpRequest) -> UserSession:
    """The row of the browser that asks; there is one wherever somebody is signed in."""
    session: UserSession | None = getattr(request, "user_session", None)
    if session is None:
        raise NotFound("No such session.")
    return session


def signed_in(view: View) -> View:
    """For one's own things: any account, also one that holds no role yet."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return with_next("access:login", request.get_full_path())
        return view(request, *args, **kwargs)

    return guarded


def console(view: View) -> View:
    """For pages of the console: whoever may enter the console, by the console's own question."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return with_next("access:login", request.get_full_path())
        if not admin.site.has_permission(request):
            return admin.site.login(request)
        return view(request, *args, **kwargs)

    return guarded


def fresh_factor(back: str, *names: str) -> Callable[[View], View]:
    """Lead through the code form when the second factor is too old, then to the page `back`
    (`names`: which of the address's values it takes). What was posted is not replayed: the
    person presses the button again, knowingly."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method == "POST" and not has_recent_factor(actor_of(request)):
                target = reverse(back, kwargs={name: kwargs[name] for name in names})
                messages.info(request, "Confirm with a code first, then send the form again.")
                return with_next("access:confirm", target)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def chosen_workspace(request: HttpRequest, action: str) -> Workspace:
    """The workspace a page is about; the person has to have chosen one and may see it."""
    workspace = workspace_of(request)
    if workspace is None:
        raise NoWorkspace
    policy.require(actor_of(request), action, workspace)
    return workspace


class NoWorkspace(Exception):
    """The page is about one workspace and none is chosen."""


def in_workspace(view: View) -> View:
    """Console page about one workspace: asks which, when the person has several."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NoWorkspace:
            return choose_workspace(request)

    return console(guarded)


def choose_workspace(request: HttpRequest) -> HttpResponse:
    mine = Workspace.objects.open().filter(pk__in=actor_of(request).workspace_ids)
    context = {"title": "Choose a workspace", "workspaces": mine, "next": request.path}
    return show(request, "choose_workspace.html", context)


def act(request: HttpRequest, done: str, call: Callable[[], Any]) -> bool:
    """Run a service for a button: its refusal becomes a message, a denial stays a denial."""
    try:
        call()
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        messages.error(request, error.message)
        return False
    messages.success(request, done)
    return True


def posted(request: HttpRequest, field: str) -> str:
    """A line of text that came without a form. NUL is the one character the database refuses."""
    text = request.POST.get(field, "").strip()
    if "\x00" in text:
        raise Invalid("This text holds a character that can't be stored.")
    return text[:300]


def refuse(form: forms.Form, error: ControlPlaneError) -> None:
    """Put a service's sentences beside the fields they are about."""
    placed = False
    for field, texts in error.details.items():
        if field in form.fields:
            form.add_error(field, texts)
            placed = True
    if not placed:
        form.add_error(None, error.message)


def too_many(response: HttpResponse, error: RateLimited) -> HttpResponse:
    response.status_code = 429
    response["Retry-After"] = str(max(1, round(error.retry_after or 1)))
    return response


def allowed(actor: Actor, action: str, obj: Any = None) -> dict[str, Any]:
    """For a button: may they, and if not, why."""
    decision = policy.can(actor, action, obj)
    return {"allowed": bool(decision), "reason": "" if decision else decision.reason}
