"""What the pages of incidents share: who may open them, which incident they are of, the frame,
refusals beside their fields."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import ControlPlaneError, Invalid, NotAllowed, NotFound
from controlplane.oncall.walls import zone_of
from incidents import links
from incidents.models import Incident

View = Callable[..., HttpResponseBase]
RELATED = ("workspace", "service", "environment", "item__project", "commander", "merged_into")


def page_for(action: str) -> Callable[[View], View]:
    """For whoever may enter the console and do this."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not admin.site.has_permission(request):
                return admin.site.login(request)
            policy.require(actor_of(request), action)
            return view(request, *args, **kwargs)

        return guarded

    return guard


page = page_for("incident.view")


def told(view: View) -> View:
    """A button of the room that is refused says so there: what has changed since stands beside."""

    @wraps(view)
    def guarded(request: HttpRequest, uid: uuid.UUID, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, uid, **kwargs)
        except (NotAllowed, NotFound):
            raise
        except ControlPlaneError as error:
            said = [error.message, *(str(each) for each in error.details.values() if each)]
            messages.error(request, " ".join(said) if isinstance(error, Invalid) else error.message)
        return HttpResponseRedirect(links.page_of(incident_of(request, uid)))

    return guarded


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), **context}
    row = context.get("row")
    if row is not None:
        whole.setdefault("back", links.page_of(row))
    return render(request, f"incidents/record/{template}", whole, status=status)


def seen_here(request: HttpRequest) -> Any:
    rows = Incident.objects.visible_to(actor_of(request))
    chosen = workspace_of(request)
    return rows if chosen is None else rows.of(chosen)


def incident_of(request: HttpRequest, uid: uuid.UUID) -> Incident:
    """Out of scope is the same as gone."""
    found: Incident | None = seen_here(request).select_related(*RELATED).filter(uid=uid).first()
    if found is None:
        raise NotFound("No such incident.")
    return found


def zone_for(request: HttpRequest) -> ZoneInfo:
    user = request.user
    return zone_of(user.time_zone if isinstance(user, User) else "UTC")
