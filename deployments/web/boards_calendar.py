"""The calendar and the timeline of releases, on the reader's wall."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.access import policy
from controlplane.base.web import actor_of
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from deployments.overview import calendar as days
from deployments.overview import entries
from deployments.overview.links import asking
from deployments.web.boards_common import (
    asked_place,
    page,
    places_of,
    several,
    show,
    workspace_shown,
    zone_for,
)

LABELS = {"month": "Month", "week": "Week", "timeline": "Timeline"}


@require_safe
@page
def calendar(request: HttpRequest) -> HttpResponse:
    workspace, now, zone = workspace_shown(request), clock.now(), zone_for(request)
    actor = actor_of(request)
    view = request.GET.get("view", "")
    view = view if view in days.VIEWS else "month"
    here = days.today(now, zone)
    anchor = days.read_day(request.GET.get("day", ""), here)
    known = places_of(workspace)
    place = asked_place(request, known)
    kinds = [kind for kind in request.GET.getlist("kind") if kind in entries.PROVIDERS]
    window = days.window(view, anchor, zone)
    found = entries.found(
        actor, entries.Asked(workspace, window.start, window.end, place, now), kinds
    )
    kept = {
        "view": view,
        "environment": place.slug if place is not None else "",
        "kind": kinds[0] if kinds else "",
    }

    def at(day: Any, **other: Any) -> str:
        return asking("calendar", **{**kept, "day": day, **other})

    context: dict[str, Any] = {
        "title": "Release calendar",
        "workspace": workspace,
        "several": several(request),
        "view": view,
        "views": [(LABELS[name], at(anchor, view=name), name == view) for name in days.VIEWS],
        "shown": days.title(window),
        "window": window,
        "earlier": at(days.stepped(view, anchor, -1)),
        "later": at(days.stepped(view, anchor, 1)),
        "now_link": at(""),
        "is_now": window.start <= now < window.end,
        "kinds": [("Everything", at(anchor, kind=""), not kinds)]
        + [
            (one.label, at(anchor, kind=one.kind), one.kind in kinds)
            for one in entries.PROVIDERS.values()
            if policy.can(actor, one.action, workspace)
        ],
        "places": [("All", at(anchor, environment=""), place is None)]
        + [(one.name, at(anchor, environment=one.slug), one == place) for one in known],
        "place": place,
        "cut": found.cut,
        "zone": zone.key,
        "nothing": not found.entries,
        "may_plan": policy.can(actor, "deployment.create", workspace).allowed,
    }
    if view == "timeline":
        context |= _timeline(window, found.entries, known, place, now)
    context["days"] = _days(days.days(window, found.entries, now), at)
    return show(request, "board_calendar.html", context)


def _days(found: list[days.Day], at: Any) -> list[dict[str, Any]]:
    return [{"day": one, "link": at(one.date.isoformat(), view="week")} for one in found]


def _timeline(
    window: days.Window,
    found: list[entries.Entry],
    known: list[Environment],
    place: Environment | None,
    now: Any,
) -> dict[str, Any]:
    """A lane for each environment, what blocks it laid behind; and one for who is on call."""
    blocking = {one.kind for one in entries.PROVIDERS.values() if one.blocks}
    lanes = []
    for environment in [place] if place is not None else known:
        here = [one for one in found if one.kind != "shift" and one.holds_in(environment.slug)]
        bands = [one for one in here if one.kind in blocking]
        bars = [one for one in here if one.kind not in blocking]
        lanes.append(days.lane(environment.name, [*bands, *bars], window, bands))
    shifts = [one for one in found if one.kind == "shift"]
    if shifts:
        lanes.append(days.lane("On call", shifts, window))
    ticks = []
    for number in range(window.days):
        day = window.first + days.DAY * number
        begins, ends = window.midnight(day), window.midnight(day + days.DAY)
        x, width = days.share(begins, window), days.share(ends, window)
        ticks.append((day, days.percent(x), days.percent(width - x)))
    inside = window.start <= now < window.end
    return {
        "lanes": lanes,
        "ticks": ticks,
        "now_x": days.percent(days.share(now, window)) if inside else "",
        "hidden": sum(one.more for one in lanes),
        "listed": [(one, days.span(one, window.zone)) for one in found],
    }
