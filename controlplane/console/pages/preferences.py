"""How the console looks to this browser, and the lists somebody keeps under a name."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.access import policy
from controlplane.base.web import AWAY_COOKIE, THEME_COOKIE, actor_of, workspace_of
from controlplane.console import services, shell
from controlplane.console.models import SavedView
from controlplane.console.pages.common import back_to, console, show
from controlplane.console.shell import MARK, THEMES
from controlplane.lib.errors import ControlPlaneError, Invalid, NotFound

YEAR_S = 365 * 86_400


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Kept in the browser, not with the person: a phone at night is dark, a desk is not."""
    chosen = request.POST.get("theme", "")
    if chosen not in THEMES:
        raise Invalid("There is no such theme.")
    response = HttpResponseRedirect(back_to(request, reverse("admin:index")))
    response.set_cookie(
        THEME_COOKIE,
        chosen,
        max_age=YEAR_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@require_POST
def put_away(request: HttpRequest) -> HttpResponse:
    """A banner that was read; kept in the browser, like the theme."""
    mark = request.POST.get("mark", "")
    if not MARK.fullmatch(mark):
        raise Invalid("There is no such banner.")
    away = [each for each in shell.put_away(request) if each != mark] + [mark]
    response = HttpResponseRedirect(back_to(request, reverse("admin:index")))
    response.set_cookie(
        AWAY_COOKIE,
        ".".join(away[-shell.MOST_AWAY :]),
        max_age=YEAR_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@require_safe
@console
def saved_views(request: HttpRequest) -> HttpResponse:
    rows = SavedView.objects.visible_to(actor_of(request)).select_related("owner", "workspace")
    views = list(rows.order_by("page", "name")[:500])
    for view in views:
        view.may_change = services.may_change(view, actor=actor_of(request))
        view.may_share = bool(policy.can(actor_of(request), "view.share", view.workspace))
    context = {"title": "Saved views", "views": views}
    return show(request, "console/saved_views.html", context)


@require_POST
@console
def save_view(request: HttpRequest) -> HttpResponse:
    page, query = request.POST.get("page", ""), request.POST.get("query", "")
    back = back_to(request, reverse("admin:index"))
    workspace = workspace_of(request)
    try:
        if workspace is None:
            raise Invalid("Choose a workspace first.")
        view = services.save(
            workspace,
            actor=actor_of(request),
            name=request.POST.get("name", ""),
            page=page,
            query=query,
            shared="shared" in request.POST,
        )
    except ControlPlaneError as error:
        if error.status == 403:
            raise
        messages.error(request, error.message)
        return HttpResponseRedirect(back)
    messages.success(request, f"Saved as “{view.name}”. It stands in the sidebar.")
    return HttpResponseRedirect(view.url)


@require_POST
@console
def change_view(request: HttpRequest, uid: uuid.UUID, verb: str) -> HttpResponse:
    actor = actor_of(request)
    view = SavedView.objects.visible_to(actor).filter(uid=uid).first()
    if view is None:
        raise NotFound("No such saved view.")
    if verb == "delete":
        services.delete(view, actor=actor)
        messages.success(request, f"“{view.name}” is deleted. Save the list again to have it back.")
    elif verb in CHANGES:
        services.change(view, actor=actor, **CHANGES[verb])
    else:
        raise NotFound("No such verb.")
    return HttpResponseRedirect(back_to(request, reverse("console:saved_views")))


CHANGES: dict[str, dict[str, bool]] = {
    "pin": {"pinned": True},
    "unpin": {"pinned": False},
    "share": {"shared": True},
    "unshare": {"shared": False},
}
