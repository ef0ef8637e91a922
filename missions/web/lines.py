"""Forms of a mission's page: a line of its checklist, a link to its evidence."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from missions import links, services
from missions.models import Mission
from missions.services.holding import open_visit

View = Callable[..., HttpResponseBase]


def page(view: View) -> View:
    """For whoever may enter the console and see missions."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not admin.site.has_permission(request):
            return admin.site.login(request)
        policy.require(actor_of(request), "mission.view")
        return view(request, *args, **kwargs)

    return guarded


def mission_of(request: HttpRequest, uid: uuid.UUID) -> Mission:
    """Out of scope is the same as gone."""
    rows = Mission.objects.visible_to(actor_of(request))
    chosen = workspace_of(request)
    if chosen is not None:
        rows = rows.of(chosen)
    found: Mission | None = rows.select_related("workspace", "item").filter(uid=uid).first()
    if found is None:
        raise NotFound("No such mission.")
    return found


def posted(request: HttpRequest, field: str, most: int = 600) -> str:
    """What came with a form. NUL is the one character the database refuses; cut beyond what the
    service takes, so that it refuses and nothing typed is cut off."""
    return request.POST.get(field, "").replace("\x00", "").strip()[:most]


def _show(
    request: HttpRequest,
    template: str,
    row: Mission,
    context: Mapping[str, Any],
    error: ControlPlaneError | None,
) -> HttpResponse:
    whole = {
        **admin.site.each_context(request),
        "row": row,
        "back": links.page_of(row),
        "error": error.message if error is not None else "",
        "wrong": next(iter(error.details), "") if error is not None else "",
        **context,
    }
    status = error.status if error is not None else 200
    return render(request, f"missions/{template}", whole, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def line(request: HttpRequest, uid: uuid.UUID, slug: str) -> HttpResponse:
    """Tick a line with what shows it, or take the tick back."""
    row = mission_of(request, uid)
    visit = open_visit(row)
    definition = visit.definition.line(slug) if visit is not None else None
    if visit is None or definition is None:
        raise NotFound("There is no such line in the stage the mission is in.")
    tick = visit.ticks.standing().filter(line=slug).first()
    context = {"title": definition.title, "line": definition, "tick": tick,
               "refusal": services.may_tick(actor_of(request), row, definition)}  # fmt: skip
    if request.method != "POST":
        return _show(request, "line.html", row, context, None)
    try:
        if request.POST.get("do") == "untick":
            services.untick_line(
                row, slug, actor=actor_of(request), reason=posted(request, "reason")
            )
            said = "Taken back"
        else:
            link = posted(request, "link")
            shown = [{"label": posted(request, "label"), "link": link}] if link else []
            services.tick_line(
                row, slug, actor=actor_of(request), note_=posted(request, "note"), evidence=shown
            )
            said = "Ticked"
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return _show(request, "line.html", row, context, error)
    messages.success(request, f"{said}: {definition.title}.")
    return HttpResponseRedirect(f"{links.page_of(row)}#checklist")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def evidence(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Link what was found in the stage the mission is in."""
    row = mission_of(request, uid)
    visit = open_visit(row)
    if visit is None:
        raise NotFound("The mission is in no stage.")
    decision = policy.can(actor_of(request), "mission.evidence", row)
    context = {"title": f"Link evidence: {visit.definition.evidence.title}", "visit": visit,
               "refusal": "" if decision else decision.reason}  # fmt: skip
    if request.method != "POST":
        return _show(request, "evidence.html", row, context, None)
    try:
        services.link_evidence(
            row,
            actor=actor_of(request),
            link=posted(request, "link"),
            label=posted(request, "label"),
            sha256=posted(request, "sha256"),
        )
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return _show(request, "evidence.html", row, context, error)
    messages.success(request, "Linked.")
    return HttpResponseRedirect(f"{links.page_of(row)}#evidence")
