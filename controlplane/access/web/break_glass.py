"""Break-glass: superusers open a workspace; its people see who did and can end it."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.access import numbers, policy, services
from controlplane.access.forms import BreakGlassForm
from controlplane.access.models import BreakGlass
from controlplane.access.web.common import act, console, fresh_factor, refuse, session_of, show
from controlplane.base.web import actor_of
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound

SHOWN = 100


def _require_view(actor: Actor) -> None:
    """Superusers for their own; oversight for what was opened in their workspaces."""
    if not actor.superuser:
        policy.require(actor, "break_glass.view")


def _page(request: HttpRequest, form: BreakGlassForm) -> HttpResponse:
    actor = actor_of(request)
    rows = BreakGlass.objects.visible_to(actor).select_related("user", "workspace")
    readable = [
        row
        for row in rows[:SHOWN]
        if row.user_id == actor.user_id or policy.can(actor, "break_glass.view", row)
    ]
    now = clock.now()
    context = {
        "title": "Break-glass",
        "form": form,
        "may_open": actor.superuser,
        "hours": numbers.BREAK_GLASS_HOURS.value,
        "open": [row for row in readable if row.ended_at is None and row.ends_at > now],
        "past": [row for row in readable if row.ended_at is not None or row.ends_at <= now],
    }
    return show(request, "break_glass.html", context)


def _form(data: object = None) -> BreakGlassForm:
    return BreakGlassForm(data, most=numbers.BREAK_GLASS_HOURS.value)


@console
@require_safe
def break_glass(request: HttpRequest) -> HttpResponse:
    _require_view(actor_of(request))
    return _page(request, _form())


@console
@require_POST
@fresh_factor("access:break_glass")
def open_glass(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    policy.require(actor, "break_glass.open", session_of(request).user)
    form = _form(request.POST)
    if not form.is_valid():
        return _page(request, form)
    try:
        services.open_break_glass(
            form.cleaned_data["workspace"],
            actor=actor,
            reason=form.cleaned_data["reason"],
            ends_at=clock.now() + timedelta(hours=form.cleaned_data["hours"]),
        )
    except NotAllowed:
        raise
    except ControlPlaneError as error:
        refuse(form, error)
        return _page(request, form)
    return HttpResponseRedirect(reverse("access:break_glass"))


@console
@require_POST
def close_glass(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    glass = BreakGlass.objects.visible_to(actor).filter(uid=uid).first()
    if glass is None:
        raise NotFound("No such break-glass.")
    act(request, "Closed.", lambda: services.close_break_glass(glass, actor=actor))
    return HttpResponseRedirect(reverse("access:break_glass"))
