"""The environment board: what version is where."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.access import policy
from controlplane.base.web import actor_of
from deployments.overview import board as reading
from deployments.web.boards_common import page, several, show, workspace_shown


@require_safe
@page
def board(request: HttpRequest) -> HttpResponse:
    workspace = workspace_shown(request)
    found = reading.board(workspace)
    context = {
        "title": "Environment board",
        "workspace": workspace,
        "several": several(request),
        "board": found,
        "may_plan": policy.can(actor_of(request), "deployment.create", workspace).allowed,
        "may_add": policy.can(actor_of(request), "catalog.manage", workspace).allowed,
    }
    return show(request, "board.html", context)
