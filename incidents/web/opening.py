"""Open an incident by hand; and the ladder of severities, with a workspace's own rungs."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.posting import tell, version_of, workspace_for
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from incidents import links
from incidents.models import SeverityLevel
from incidents.records import levels
from incidents.records.opening import open_incident
from incidents.web.common import page, page_for, show, zone_for
from incidents.web.forms import FIGURES, LevelForm, OpenForm

KEEP = "incident.levels"


@require_http_methods(["GET", "HEAD", "POST"])
@page_for("incident.open")
def new(request: HttpRequest) -> HttpResponse:
    workspace = workspace_for(request, "incident.open")
    data = request.POST if request.method == "POST" else None
    form = OpenForm(data, workspace, zone_for(request))
    status = 200
    if data is not None:
        status = 400
        if form.is_valid():
            try:
                made = open_incident(workspace, actor=actor_of(request), **form.given())
            except NotAllowed:
                raise
            except ControlPlaneError as error:
                tell(form, error)
                status = error.status
            else:
                messages.success(request, f"{made.ref} is open. Its people are called.")
                return HttpResponseRedirect(links.page_of(made))
    context = {"title": "Open an incident", "form": form, "workspace": workspace}
    return show(request, "new.html", context, status=status)


@require_http_methods(["GET", "HEAD"])
@page
def ladder(request: HttpRequest) -> HttpResponse:
    """Both ladders side by side: what each rung means, how soon, and who is called."""
    workspace = workspace_for(request, KEEP)
    may = policy.can(actor_of(request), KEEP, workspace)
    ladders = [
        (label, [_rung(row) for row in levels.of(workspace.pk, slug).values()])
        for slug, label in SeverityLevel.Ladder.choices
    ]
    context = {
        "title": "Severities", "workspace": workspace, "ladders": ladders,
        "may_keep": bool(may), "why_not": "" if may else may.reason,
    }  # fmt: skip
    return show(request, "ladder.html", context)


def _rung(row: SeverityLevel) -> dict[str, object]:
    figures = [(label, getattr(row, name)) for label, name in FIGURES]
    return {
        "row": row,
        "at_once": [policy.purpose_label(each) for each in row.at_once],
        "informed": [policy.purpose_label(each) for each in row.informed],
        "figures": [(label, seconds) for label, seconds in figures if seconds is not None],
        "url": reverse("burning:level", args=(row.ladder, row.code)),
    }


@require_http_methods(["GET", "HEAD", "POST"])
@page_for(KEEP)
def level(request: HttpRequest, ladder: str, code: str) -> HttpResponse:
    """The workspace's own rung, or the shipped one before it has one."""
    workspace = workspace_for(request, KEEP)
    policy.require(actor_of(request), KEEP, workspace)
    row = levels.of(workspace.pk, ladder).get(code)
    if row is None:
        raise NotFound("There is no such level.")
    back = reverse("burning:levels")
    if request.method == "POST" and "drop" in request.POST:
        levels.drop_level(workspace, ladder, code, actor=actor_of(request))
        messages.success(request, f"{row.title} is the shipped one again.")
        return HttpResponseRedirect(back)
    data = request.POST if request.method == "POST" else None
    form = LevelForm(data, row)
    status = 200
    if data is not None:
        status = 400
        if form.is_valid():
            try:
                levels.save_level(
                    workspace, ladder, code, actor=actor_of(request),
                    version=version_of(request), **form.given(),
                )  # fmt: skip
            except NotAllowed:
                raise
            except ControlPlaneError as error:
                tell(form, error)
                status = error.status
            else:
                messages.success(request, f"{row.title} is changed for {workspace.name}.")
                return HttpResponseRedirect(back)
    context = {
        "title": row.title, "level": row, "form": form, "workspace": workspace, "back": back,
        "own": row.workspace_id is not None,
    }  # fmt: skip
    return show(request, "level.html", context, status=status)
