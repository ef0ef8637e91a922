"""Forms of a mission's page: a line of its checklist, a link to its evidence."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.posting import posted, version_of
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from missions import links, services
from missions.services.holding import open_visit
from missions.web.common import mission_of, page, show


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
    context = {
        "title": definition.title,
        "line": definition,
        "tick": tick,
        "version": row.version,
        "given": {name: posted(request, name) for name in ("note", "label", "link", "reason")},
        "refusal": services.may_tick(actor_of(request), row, definition),
    }
    if request.method != "POST":
        return show(request, "line.html", context, row=row)
    given: dict[str, Any] = {"actor": actor_of(request), "version": version_of(request)}
    try:
        if request.POST.get("do") == "untick":
            services.untick_line(row, slug, reason=posted(request, "reason"), **given)
            said = "Taken back"
        else:
            link = posted(request, "link")
            shown = [{"label": posted(request, "label"), "link": link}] if link else []
            services.tick_line(row, slug, note_=posted(request, "note"), evidence=shown, **given)
            said = "Ticked"
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return show(request, "line.html", context, row=row, error=error)
    messages.success(request, f"{said}: {definition.title}.")
    return HttpResponseRedirect(f"{links.page_of(row)}#checklist")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def evidence(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Link what was found in the stage the mission is in, or take a link away."""
    row = mission_of(request, uid)
    visit = open_visit(row)
    if visit is None:
        raise NotFound("The mission is in no stage.")
    decision = policy.can(actor_of(request), "mission.evidence", row)
    context = {
        "title": f"Link evidence: {visit.definition.evidence.title}",
        "visit": visit,
        "version": row.version,
        "given": {name: posted(request, name) for name in ("link", "label", "sha256")},
        "refusal": "" if decision else decision.reason,
    }
    if request.method != "POST":
        return show(request, "evidence.html", context, row=row)
    given: dict[str, Any] = {"actor": actor_of(request), "version": version_of(request)}
    try:
        if request.POST.get("do") == "off":
            services.unlink_evidence(
                row, link=posted(request, "link"), reason=posted(request, "reason"), **given
            )
            said = "The link is gone."
        else:
            services.link_evidence(
                row,
                link=posted(request, "link"),
                label=posted(request, "label"),
                sha256=posted(request, "sha256"),
                **given,
            )
            said = "Linked."
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return show(request, "evidence.html", context, row=row, error=error)
    messages.success(request, said)
    return HttpResponseRedirect(f"{links.page_of(row)}#evidence")
