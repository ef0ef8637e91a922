"""What the forms on an item's page post, and its evidence handed out."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from controlplane.access.models import User
from controlplane.base.posting import posted
from controlplane.base.web import actor_of
from controlplane.lib.errors import Invalid, NotFound
from controlplane.work import files, services
from controlplane.work.models import ItemLink
from controlplane.work.services.talk import MAX_COMMENT, MAX_FILE
from controlplane.work.shown.page import RELATIONS
from controlplane.work.shown.words import item_url
from controlplane.work.web.common import back, item_of, page, read_uid, tried


@require_POST
@page
def comment(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    item = item_of(request, uid)
    text = request.POST.get("body", "")[: MAX_COMMENT + 1]
    tried(request, "Said.", lambda: services.comment(item, text, actor=actor_of(request)))
    return back(request, item_url(item))


@require_POST
@page
def link(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Add an edge. The relation is read from the page one stands on; "+" turns it around."""
    item = item_of(request, uid)
    relation = posted(request, "relation", 60)
    if relation not in dict(RELATIONS):
        raise Invalid("There is no such relation.")
    key = posted(request, "key", 200)

    def join() -> None:
        other = services.resolve(item.project, key)
        kind = relation.removeprefix("+")
        first, second = (other, item) if relation.startswith("+") else (item, other)
        services.add_dependency(first, second, actor=actor_of(request), kind=kind)
        messages.success(request, f"{item.key} {dict(RELATIONS)[relation]} {other.key}.")

    tried(request, "", join)
    return back(request, item_url(item))


@require_POST
@page
def unlink(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    item = item_of(request, uid)
    direction, _, name = posted(request, "cut", 220).partition(":")
    if direction == "name":
        first, second, other = item, name, name
    else:
        end = item_of(request, read_uid(name) or uuid.UUID(int=0))
        first, second, other = (end, item, end.key) if direction == "in" else (item, end, end.key)  # type: ignore[assignment]
    tried(
        request,
        f"The link to {other} is removed.",
        lambda: services.remove_dependency(first, second, actor=actor_of(request)),
    )
    return back(request, item_url(item))


@require_POST
@page
def add_evidence(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """A link, or the file itself."""
    item = item_of(request, uid)
    given: dict[str, Any] = {
        "actor": actor_of(request),
        "title": posted(request, "title", 200),
        "kind": posted(request, "kind", 10) or ItemLink.Kind.EVIDENCE,
    }
    sent = request.FILES.get("file")
    if sent is None:
        url = posted(request, "url", 1000)
        tried(request, "Added.", lambda: services.add_link(item, url=url, **given))
        return back(request, item_url(item))
    if sent.size is not None and sent.size > MAX_FILE.value:
        messages.error(request, f"A file has at most {MAX_FILE.value:,} bytes.")
        return back(request, item_url(item))
    tried(
        request,
        "Kept, with its hash.",
        lambda: services.attach(
            item,
            filename=sent.name or "file",
            content=sent,
            size=sent.size,
            media_type=sent.content_type or "",
            **given,
        ),
    )
    return back(request, item_url(item))


@require_POST
@page
def remove_evidence(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    found = files.link_of(actor_of(request), uid)
    item = found.item
    tried(
        request,
        "Removed. The audit log keeps that it was there.",
        lambda: services.remove_link(found, actor=actor_of(request)),
    )
    return back(request, item_url(item))


@require_safe
@page
def evidence(request: HttpRequest, uid: uuid.UUID) -> FileResponse:
    return files.handed_out(files.link_of(actor_of(request), uid))


@require_POST
@page
def watch(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    item = item_of(request, uid)
    actor = actor_of(request)
    user = User.objects.filter(pk=actor.user_id or 0).first()
    if user is None:
        raise NotFound("Only people follow items.")
    on = posted(request, "on", 1) == "1"
    done = f"You hear of {item.key} now." if on else f"You hear no more of {item.key}."
    tried(request, done, lambda: services.watch(item, user, actor=actor, on=on))
    return back(request, item_url(item))
