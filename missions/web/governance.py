"""Asking for a governance check."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from missions import governance
from missions.shown import governance as shown
from missions.web.common import page, show
from telemetry.web.common import workspace_shown

SCOPES = (
    ("active", "Missions under way", "And what is asked of the workspace as a whole."),
    ("executing", "Missions that execute", "What must hold while agents act."),
    ("all", "All missions", "Those that ended, too: whether their record is whole."),
)
LIST = "admin:missions_governancefinding_changelist"


@require_http_methods(["GET", "HEAD", "POST"])
@page
def governance_now(request: HttpRequest) -> HttpResponse:
    """The form; sent, the check is asked for and its page shown."""
    actor, workspace = actor_of(request), workspace_shown(request)
    if workspace is None:
        raise NotFound("There is no workspace to check.")
    policy.require(actor, "mission.check", workspace)
    scope = request.POST.get("scope", "active")
    error: ControlPlaneError | None = None
    if request.method == "POST":
        try:
            run = governance.ask(workspace, actor=actor, scope=scope)
        except NotAllowed:
            raise
        except ControlPlaneError as wrong:
            error = wrong
        else:
            messages.success(request, "It is on its way: this page tells what it finds.")
            return HttpResponseRedirect(shown.run_url(run))
    context: dict[str, Any] = {
        "title": "Check missions now",
        "workspace": workspace,
        "scopes": [(name, label, words, name == scope) for name, label, words in SCOPES],
        "back": reverse(LIST),
    }
    return show(request, "governance/now.html", context, error=error)
