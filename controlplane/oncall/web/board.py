"""Who is on duty now, what comes next, two weeks of every schedule."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.access import policy
from controlplane.base.web import actor_of, workspace_of
from controlplane.oncall import numbers
from controlplane.oncall.roster import roster
from controlplane.oncall.shown import words, yours
from controlplane.oncall.shown.bands import told
from controlplane.oncall.web.common import page, schedules_of, show, zone_of_reader
from controlplane.oncall.weeks import sheet as weeks_of

RANGES = {"2w": 14, "4w": 28, "1w": 7}
MOST = 30


@require_safe
@page
def board(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    asked = request.GET.get("range", "2w")
    days = RANGES.get(asked, 14)
    rows = list(schedules_of(request).active().select_related("workspace").order_by("title", "id"))
    shown = told(rows[:MOST], zone=zone_of_reader(request), days=days, reader=actor.user_id)
    several = len({one.schedule.workspace_id for one in shown}) > 1
    weeks = numbers.ROSTER_WEEKS.value
    ahead = sum(len(one.ahead) for one in shown)
    chosen = workspace_of(request)
    here = chosen.pk if chosen is not None else None
    context = {
        "title": "On call",
        "asked": yours.asked(actor, here, zone_of_reader(request)),
        "notes_to_read": yours.to_read(actor, here),
        "notes_to_write": yours.to_write(actor, here),
        "schedules": shown,
        "several": several,
        "more": max(0, len(rows) - MOST),
        "ranges": [(key, f"{count // 7} week{'s' * (count > 7)}", key == asked)
                   for key, count in sorted(RANGES.items(), key=lambda pair: pair[1])],
        "zone": zone_of_reader(request),
        "may_manage": policy.can(actor, "oncall.manage").allowed,
        "gaps": sum(one.standing.gap for one in shown),
        "ahead": ahead,
        "gaps_said": f"{ahead} gap{'s' * (ahead != 1)} in the next {weeks} weeks.",
        "weeks": weeks,
    }  # fmt: skip
    return show(request, "board.html", context)


@require_safe
@page
def roster_page(request: HttpRequest) -> HttpResponse:
    """The weeks of one workspace, as the roster tells them."""
    rows = list(schedules_of(request).active().order_by("workspace_id", "title", "id"))
    space = rows[0].workspace_id if rows else 0
    here = [one for one in rows if one.workspace_id == space][:MOST]
    context = {
        "title": "On-call roster",
        "sheet": weeks_of(here),
        "cover": [(one, words.roles(one), words.cover(one)) for one in here],
        "weeks": numbers.ROSTER_WEEKS.value,
    }
    return show(request, "roster.html", context)


@require_safe
@page
def roster_file(request: HttpRequest) -> HttpResponse:
    """The next weeks as Markdown, for a channel's pinned message or a file."""
    rows = list(schedules_of(request).active().order_by("workspace_id", "title", "id"))
    here = [one for one in rows if one.workspace_id == rows[0].workspace_id][:MOST]
    answer = HttpResponse(roster(here), content_type="text/markdown; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="on-call-roster.md"'
    return answer
