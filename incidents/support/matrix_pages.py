"""The matrix of escalation: who is called for what, as people of today."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.posting import workspace_for
from controlplane.base.web import actor_of
from incidents import links
from incidents.support import matrix
from incidents.support.hours_pages import show
from incidents.web.common import page_for

POLICIES, LEVELS = "paging.policy", "incident.levels"


@require_http_methods(["GET", "HEAD"])
@page_for("incident.view")
def board(request: HttpRequest) -> HttpResponse:
    workspace = workspace_for(request, LEVELS)
    actor = actor_of(request)
    rows = matrix.of(workspace)
    return show(request, "matrix.html", {
        "title": "Who is called for support", "workspace": workspace,
        "rows": [
            {"row": row, "policy_url": links.page_of(row.policy),
             "level_url": reverse("burning:level", args=(row.level.ladder, row.level.code))}
            for row in rows
        ],
        "missing": matrix.missing(workspace),
        "may_policies": bool(policy.can(actor, POLICIES, workspace)),
        "may_levels": bool(policy.can(actor, LEVELS, workspace)),
        "contacts_url": reverse("admin:notify_contact_changelist"),
    })  # fmt: skip
