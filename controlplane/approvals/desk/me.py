"""Who somebody is here, and where they are when the console is not for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from controlplane.access.models import Workspace
from controlplane.access.policy import ROLES, can, role_label
from controlplane.access.services import enrolled_device
from controlplane.approvals import signing
from controlplane.approvals.desk.frame import page, show
from controlplane.base.web import actor_of


@require_safe
@page
def me(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    held = {
        place.pk: place
        for place in Workspace.objects.open().filter(pk__in=actor.workspace_ids).order_by("name")
    }
    factor = actor.second_factor_at
    device: Any = enrolled_device(request.user)  # type: ignore[arg-type]
    context = {
        "title": "You",
        "places": [
            (place, [role_label(role) for role in ROLES if role in actor.roles_in(key)])
            for key, place in held.items()
        ],
        "factor_at": datetime.fromtimestamp(factor, UTC) if factor is not None else None,
        "enrolled": device is not None,
        "confirm_url": f"{reverse('access:confirm')}?next={reverse('desk:me')}",
        "lent": [way for way in signing.ways_of(actor) if way.delegation is not None],
        "may_delegate": bool(can(actor, "approval.delegate")),
    }
    return show(request, "me.html", context)


@require_safe
@page
def elsewhere(request: HttpRequest) -> HttpResponse:
    """An address of the console that has nothing like it here. 200: the reader did nothing
    wrong, and this page is what there is for them."""
    wanted = request.GET.get("from", "")[:200]
    return show(request, "elsewhere.html", {"title": "In the console", "wanted": wanted})
