"""The desk's figures: how its promises were kept, and how many wait."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from incidents.support import ticket_figures
from incidents.support.ticket_pages import page, show

MONTHS = 6


@require_safe
@page
def figures(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    year, month = divmod(now.year * 12 + now.month - MONTHS, 12)
    since = now.replace(year=year, month=month + 1, day=1, hour=0, minute=0, second=0,
                        microsecond=0)  # fmt: skip
    chosen = workspace_of(request)
    spaces = [chosen.pk] if chosen is not None else sorted(actor_of(request).workspace_ids)
    told = ticket_figures.told(spaces, since, now)
    return show(request, "figures.html", {"title": "How tickets are answered", "told": told})
