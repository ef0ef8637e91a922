"""Calendars: one's subscriptions, and what a calendar program fetches."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import http_date
from django.views.decorators.http import require_POST, require_safe

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid, NotFound
from controlplane.oncall import numbers, services
from controlplane.oncall.feeding import document
from controlplane.oncall.models import Feed, Wish
from controlplane.oncall.services.feeds import feed_by, note_read, token_of
from controlplane.oncall.services.handing import WISHES
from controlplane.oncall.web.common import page, schedule_of, schedules_of, show


def link_of(feed: Feed) -> str:
    return settings.PUBLIC_URL + reverse("oncall:feed", args=[token_of(feed)])


def _mine(request: HttpRequest) -> list[Feed]:
    actor = actor_of(request)
    rows = Feed.objects.visible_to(actor).in_force().filter(person_id=actor.user_id or 0)
    return list(rows.select_related("schedule", "workspace").order_by("schedule__title", "id"))


@require_safe
@page
def calendars(request: HttpRequest) -> HttpResponse:
    """One's own. Nobody sees the links of others: a link is the key."""
    policy.require(actor_of(request), "oncall.feed")
    mine = _mine(request)
    taken = {feed.schedule_id for feed in mine}
    open_to = [one for one in schedules_of(request).active() if one.pk not in taken]
    own = {feed.workspace_id for feed in mine if feed.schedule_id is None}
    known = getattr(request, "workspaces", [])
    chosen = workspace_of(request)
    wish = Wish.objects.filter(person_id=actor_of(request).user_id or 0).first()
    hours = numbers.HEADS_UP_HOURS.value if wish is None else wish.hours_before
    context = {
        "title": "Calendars and notices",
        "wishes": [
            (
                count,
                "Not at all" if not count else f"{count} hour{'s' * (count != 1)} before",
                count == hours,
            )
            for count in WISHES
        ],
        "feeds": [{"feed": feed, "link": link_of(feed)} for feed in mine],
        "schedules": open_to,
        "workspaces": [
            one for one in known if one.pk not in own and (chosen is None or one.pk == chosen.pk)
        ],
    }
    return show(request, "calendars.html", context)


@require_POST
@page
def wish(request: HttpRequest) -> HttpResponse:
    """How long before a shift one hears of it."""
    given = request.POST.get("hours_before", "")
    user = request.user
    if not isinstance(user, User):
        raise NotFound("Nobody is signed in.")
    services.wish(user, actor=actor_of(request), hours_before=int(given) if given.isdigit() else -1)
    messages.success(request, "That is how you hear of your shifts from now on.")
    return HttpResponseRedirect(reverse("oncall:calendars"))


@require_POST
@page
def subscribe(request: HttpRequest) -> HttpResponse:
    """To a schedule, or to one's own shifts in a workspace."""
    actor = actor_of(request)
    try:
        named = uuid.UUID(request.POST.get("of", ""))
    except ValueError:
        raise Invalid("Choose what the calendar is of.") from None
    spaces = {one.uid: one for one in getattr(request, "workspaces", [])}
    if named in spaces:
        services.subscribe(spaces[named], actor=actor)
    else:
        schedule = schedule_of(request, named)
        services.subscribe(schedule.workspace, actor=actor, schedule=schedule)
    messages.success(request, "Copy the link into your calendar program.")
    return HttpResponseRedirect(reverse("oncall:calendars"))


@require_POST
@page
def revoke(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    feed = Feed.objects.visible_to(actor).filter(uid=uid).first()
    if feed is None:
        raise NotFound("No such calendar.")
    services.revoke_feed(feed, actor=actor)
    messages.success(request, "The link opens nothing any more.")
    return HttpResponseRedirect(reverse("oncall:calendars"))


@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """For programs, which sign in nowhere: the link is the key. A look costs the same for every
    wrong link, and says the same."""
    found = feed_by(token)
    body, tag, changed = document(found)
    note_read(found)
    if request.headers.get("If-None-Match") == tag:
        answer = HttpResponse(status=304)
    else:
        answer = HttpResponse(body, content_type="text/calendar; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="on-call.ics"'
    answer["ETag"] = tag
    answer["Last-Modified"] = http_date(changed.timestamp())
    answer["Cache-Control"] = f"private, max-age={int(timedelta(minutes=5).total_seconds())}"
    return answer
