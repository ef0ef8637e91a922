"""The release log: a page, a file, and links that programs fetch."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.access import policy
from controlplane.base.web import actor_of
from controlplane.catalog.models import Environment
from controlplane.lib.errors import Invalid, NotFound
from deployments.models import Deployment, Feed
from deployments.overview import feeding
from deployments.overview import log as reading
from deployments.overview.links import asking
from deployments.services import feeds
from deployments.web.boards_common import (
    asked_component,
    asked_place,
    components_of,
    page,
    page_for,
    places_of,
    several,
    show,
    workspace_shown,
)

CACHED_S = 300


def _asked(request: HttpRequest) -> tuple[reading.Asked, list[Environment]]:
    workspace = workspace_shown(request)
    known = places_of(workspace)
    kind = request.GET.get("kind", "")
    return (
        reading.Asked(
            workspace,
            asked_place(request, known),
            asked_component(request, workspace),
            kind if kind in Deployment.Kind.values else "",
        ),
        known,
    )


@require_safe
@page
def log(request: HttpRequest) -> HttpResponse:
    asked, known = _asked(request)
    before = request.GET.get("before", "")[:16]
    found = reading.page(asked, before)
    kept = {
        "environment": asked.environment.slug if asked.environment else "",
        "component": asked.component.slug if asked.component else "",
        "kind": asked.kind,
    }
    context: dict[str, Any] = {
        "title": "Release log",
        "workspace": asked.workspace,
        "several": several(request),
        "asked": asked,
        "kept": kept,
        "found": found,
        "begun": bool(before) and found.known,
        "newest": asking("log", **kept),
        "older": asking("log", **kept, before=found.older) if found.older else "",
        "places": [("All", asking("log", **{**kept, "environment": ""}), asked.environment is None)]
        + [
            (one.name, asking("log", **{**kept, "environment": one.slug}), one == asked.environment)
            for one in known
        ],
        "kinds": Deployment.Kind.choices,
        "components": components_of(asked.workspace),
        "file": asking("log_file", **kept),
        "may_feed": policy.can(actor_of(request), "deployment.feed", asked.workspace).allowed,
        "may_plan": policy.can(actor_of(request), "deployment.create", asked.workspace).allowed,
    }
    return show(request, "board_log.html", context)


@require_safe
@page
def log_file(request: HttpRequest) -> HttpResponse:
    asked, _ = _asked(request)
    rows = list(reading.releases(asked)[: reading.EXPORTED + 1])
    cut = len(rows) > reading.EXPORTED
    text = reading.markdown(asked, rows[: reading.EXPORTED], cut=cut)
    answer = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="releases.md"'
    return answer


# --- Links --------------------------------------------------------------------------------------


def link_of(feed: Feed) -> str:
    name = "boards:atom" if feed.kind == Feed.Kind.RELEASES else "boards:ics"
    return settings.PUBLIC_URL + reverse(name, args=[feeds.token_of(feed)])


@require_safe
@page_for("deployment.feed")
def links_page(request: HttpRequest) -> HttpResponse:
    """One's own. Nobody sees the links of others: a link is the key."""
    workspace, actor = workspace_shown(request), actor_of(request)
    rows = Feed.objects.visible_to(actor).of(workspace).in_force()
    mine = list(
        rows.filter(person_id=actor.user_id or 0)
        .select_related("environment", "workspace")
        .order_by("kind", "environment__order", "pk")
    )
    taken = {(feed.kind, feed.environment_id) for feed in mine}
    places: list[Environment | None] = [None, *places_of(workspace)]
    context = {
        "title": "Links to releases",
        "workspace": workspace,
        "several": several(request),
        "feeds": [
            {"feed": one, "name": feeding.name_of(one), "link": link_of(one)} for one in mine
        ],
        "free": [
            {
                "kind": kind,
                "label": label,
                "places": [
                    each for each in places if (kind, each.pk if each else None) not in taken
                ],
            }
            for kind, label in Feed.Kind.choices
        ],
    }
    return show(request, "board_links.html", context)


@require_POST
@page_for("deployment.feed")
def subscribe(request: HttpRequest) -> HttpResponse:
    workspace = workspace_shown(request)
    slug = request.POST.get("environment", "")
    place = next((each for each in places_of(workspace) if each.slug == slug), None)
    if slug and place is None:
        raise Invalid("There is no such environment.")
    kind = request.POST.get("kind", "")
    feeds.subscribe(workspace, kind, actor=actor_of(request), environment=place)
    messages.success(request, "Copy the link into your feed reader or calendar program.")
    return HttpResponseRedirect(reverse("boards:links"))


@require_POST
@page_for("deployment.feed")
def revoke(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    found = Feed.objects.visible_to(actor).filter(uid=uid).first()
    if found is None:
        raise NotFound("No such link.")
    feeds.revoke_feed(found, actor=actor)
    messages.success(request, "The link opens nothing any more.")
    return HttpResponseRedirect(reverse("boards:links"))


@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """For programs, which sign in nowhere: the link is the key."""
    found = feeds.feed_by(token)
    asked = "atom" if request.path.endswith(".atom") else "ics"
    if (asked == "atom") != (found.kind == Feed.Kind.RELEASES):
        raise NotFound("There is nothing here.")
    made = feeding.document(found, link_of(found))
    feeds.note_read(found)
    same = request.headers.get("If-None-Match") == made.tag
    answer = HttpResponse(status=304) if same else HttpResponse(made.body)
    if not same:
        answer["Content-Type"] = made.content_type
        if asked == "ics":
            answer["Content-Disposition"] = 'attachment; filename="releases.ics"'
    answer["ETag"] = made.tag
    answer["Cache-Control"] = f"private, max-age={CACHED_S}"
    return answer
