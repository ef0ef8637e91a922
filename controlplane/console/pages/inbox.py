"""The inbox: news for this person, newest first."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from controlplane.base import cache
from controlplane.base.web import actor_of
from controlplane.console.pages.common import console, part, show
from controlplane.console.shell import FAMILY
from controlplane.lib.errors import Invalid
from controlplane.notify import services
from controlplane.notify.models import InboxItem

PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
@console
def inbox(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _tidy(request)
    rows = InboxItem.objects.visible_to(actor_of(request)).open()
    which = "all" if request.GET.get("show") == "all" else "unread"
    if which == "unread":
        rows = rows.unread()
    edge = request.GET.get("before", "")
    if edge.isascii() and edge.isdigit() and len(edge) <= 18:
        rows = rows.filter(pk__lt=int(edge))
    found = list(rows.select_related("notification__workspace").order_by("-id")[: PAGE + 1])
    items = found[:PAGE]
    context = {
        "items": items,
        "which": which,
        "older": items[-1].pk if len(found) > PAGE else None,
    }
    if request.GET.get("_part") == "items":
        return part(request, "console/_inbox.html", context)
    return show(request, "console/inbox.html", {"title": "Inbox", **context})


def _tidy(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    chosen = [_uid(text) for text in request.POST.getlist("item")[:PAGE]]
    if "read_all" in request.POST:
        done = services.mark_read(actor)
        messages.success(request, f"{done} marked as read.")
    elif "archive" in request.POST:
        done = services.archive(actor, chosen)
        messages.success(request, f"{done} put away.")
    elif "read" in request.POST:
        done = services.mark_read(actor, chosen)
        messages.success(request, f"{done} marked as read.")
    cache.forget(f"{FAMILY}:{actor.ref}:")
    return HttpResponseRedirect(reverse("console:inbox"))


def _uid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Invalid("That names no news.") from None
