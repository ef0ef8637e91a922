"""One move of an incident: the form, where one is asked; then the service. Whatever refuses it,
what was typed is still there."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.posting import tell, version_of
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from incidents import links
from incidents.intake import handling
from incidents.models import Incident
from incidents.paging.calls import level_words
from incidents.records import moving
from incidents.response import suspects
from incidents.shown import cockpit, moves
from incidents.web.common import incident_of, page, show, zone_for
from incidents.web.forms import MoveForm


@require_http_methods(["GET", "HEAD", "POST"])
@page
def move(request: HttpRequest, uid: uuid.UUID, slug: str) -> HttpResponse:
    row = incident_of(request, uid)
    known = moves.MOVES.get(slug)
    if known is None:
        raise NotFound("There is no such button.")
    policy.require(actor_of(request), known.action, row)
    data = request.POST if request.method == "POST" else None
    form = MoveForm(data, row, known, zone_for(request))
    if data is None or not form.is_valid():
        return _ask(request, row, known, form, status=200 if data is None else 400)
    given = form.given()
    if known.versioned:
        given["version"] = version_of(request)
    try:
        done = known.run(row, actor=actor_of(request), **given)
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        tell(form, error)
        return _ask(request, incident_of(request, uid), known, form, status=error.status)
    messages.success(request, known.done.format(ref=done.ref, level=level_words(done.severity)))
    return HttpResponseRedirect(links.page_of(done))


def _ask(
    request: HttpRequest, row: Incident, known: moves.Move, form: MoveForm, *, status: int
) -> HttpResponse:
    return show(
        request,
        "move.html",
        {
            "title": moves.label(row, known),
            "row": row,
            "move": known,
            "form": form,
            "idle": moves.idle(known, row),
            "version": row.version,
            "early": moving.watched_until(row) if known.slug == "resolve" else None,
            "changed": suspects.of(row, actor_of(request)) if known.slug == "triage" else [],
        },
        status=status,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page
def alerts(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """All alerts of an incident, however many: by key, a page at a time. Posted: they are over."""
    row = incident_of(request, uid)
    policy.require(actor_of(request), "alert.view", row)
    if request.method == "POST":
        return _end_alerts(request, row)
    text = request.GET.get("before", "")
    before = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
    firing = request.GET.get("show") == "firing"
    found, after = cockpit.alerts_page(row, before, firing=firing)
    context = {
        "title": "Alerts", "row": row, "alerts": found, "after": after, "firing": firing,
        "first": before is None,
        "may_end": bool(row.firing_count) and bool(policy.can(actor_of(request), _END, row)),
    }  # fmt: skip
    return show(request, "alerts.html", context)


_END = "alert.resolve"


def _end_alerts(request: HttpRequest, row: Incident) -> HttpResponse:
    """Back to the list that still fires, or to the incident when none is left."""
    reason = request.POST.get("reason", "")
    try:
        ended = handling.end_alerts_of(row, actor=actor_of(request), reason=reason)
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        messages.error(request, error.message)
        return HttpResponseRedirect(f"{request.path}?show=firing")
    left = row.alerts.filter(status="firing").count()
    over = "1 alert is over." if ended == 1 else f"{ended} alerts are over."
    fire = "fires" if left == 1 else "fire"
    messages.success(request, over + (f" {left} {fire} still." if left else ""))
    return HttpResponseRedirect(f"{request.path}?show=firing" if left else links.page_of(row))
