"""The inbox: news for this person, newest first; each read on its own page; put away and back."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from controlplane.base import cache
from controlplane.base.web import actor_of
from controlplane.console.pages.common import console, part, show
from controlplane.console.shell import FAMILY
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid, NotFound
from controlplane.notify import services, wording
from controlplane.notify.models import InboxItem

PAGE = 50
SHOWN = {"unread": "Unread", "all": "All", "archived": "Archived"}
# What a button does, and how its result is told.
VERBS: dict[str, tuple[Callable[[Actor, Sequence[uuid.UUID]], int], str]] = {
    "read": (services.mark_read, "marked as read"),
    "archive": (services.archive, "put away: it stands under Archived"),
    "put_back": (services.put_back, "put back"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@console
def inbox(request: HttpRequest) -> HttpResponse:
    state = _state(request.GET)
    if request.method == "POST":
        _tidy(request)
        return HttpResponseRedirect(_address(state))
    rows = _rows(actor_of(request), state)
    found = list(rows.select_related("notification__workspace").order_by("-id")[: PAGE + 1])
    items = found[:PAGE]
    for item in items:
        item.kind = wording.label(item.notification.kind)
        item.of_kind = _address({**_without(state, "before"), "kind": item.notification.kind})
        item.page = _address(_without(state, "before")).replace("/inbox/", f"/inbox/{item.uid}/", 1)
    which = state.get("show", "unread")
    older = {**state, "before": str(items[-1].pk)} if len(found) > PAGE else None
    context = {
        "items": items,
        "which": which,
        "here": _address(state),
        "older": _address(older) if older else "",
        "newest": _address(_without(state, "before")) if "before" in state else "",
        "kind": wording.label(state["kind"]) if "kind" in state else "",
        "every_kind": _address(_without(state, "kind", "before")),
    }
    if request.GET.get("_part") == "items":
        return part(request, "console/_inbox.html", context)
    tabs = [
        (label, _address({"show": slug} if slug != "unread" else {}), slug == which)
        for slug, label in SHOWN.items()
    ]
    return show(request, "console/inbox.html", {"title": "Inbox", "tabs": tabs, **context})


@require_http_methods(["GET", "HEAD"])
@console
def news(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """One piece of news in full. Whoever opens it has read it."""
    actor = actor_of(request)
    mine = InboxItem.objects.visible_to(actor).select_related("notification__workspace")
    item = mine.filter(uid=uid).first()
    if item is None:
        raise NotFound("No such news.")
    if request.method == "GET" and item.read_at is None:
        services.mark_read(actor, [item.uid])
        cache.forget(f"{FAMILY}:{actor.ref}:")
    state = _state(request.GET)
    context = {
        "title": item.notification.subject,
        "item": item,
        "kind": wording.label(item.notification.kind),
        "back": _address(state),
        "back_label": SHOWN[state.get("show", "unread")],
    }
    return show(request, "console/news.html", context)


# --- What of the inbox is shown: in the query string, and kept by every button -----------------


def _state(query: QueryDict) -> dict[str, str]:
    """What the address says, without what means nothing."""
    state = {}
    if query.get("show") in SHOWN and query.get("show") != "unread":
        state["show"] = str(query["show"])
    kind = query.get("kind", "").replace("\x00", "")[:60]
    if kind:
        state["kind"] = kind
    edge = query.get("before", "")
    if edge.isascii() and edge.isdigit() and len(edge) <= 18:
        state["before"] = edge
    return state


def _without(state: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in state.items() if name not in names}


def _address(state: dict[str, str]) -> str:
    page = reverse("console:inbox")
    return f"{page}?{urlencode(state)}" if state else page


def _rows(actor: Actor, state: dict[str, str]) -> QuerySet[Any]:
    mine = InboxItem.objects.visible_to(actor)
    which = state.get("show", "unread")
    rows = {"unread": mine.unread, "all": mine.open, "archived": mine.away}[which]()
    if "kind" in state:
        rows = rows.filter(notification__kind=state["kind"])
    if "before" in state:
        rows = rows.filter(pk__lt=int(state["before"]))
    return rows


def _tidy(request: HttpRequest) -> None:
    actor = actor_of(request)
    chosen = [_uid(text) for text in request.POST.getlist("item")[:PAGE]]
    if "read_all" in request.POST:
        messages.success(request, f"{services.mark_read(actor)} marked as read.")
    for name, (verb, told) in VERBS.items():
        if name in request.POST:
            messages.success(request, f"{verb(actor, chosen)} {told}.")
    cache.forget(f"{FAMILY}:{actor.ref}:")


def _uid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Invalid("That names no news.") from None
