"""Asking for a mission, and saying more about it while its brief is open."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.approvals.desk.away import place_of
from controlplane.approvals.desk.frame import page, show
from controlplane.approvals.web.delegate import refuse
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import CODES, ControlPlaneError, NotAllowed, NotFound
from controlplane.lib.ids import uuid7
from missions import services
from missions.desk.forms import AskForm, said_in
from missions.models import Brief, Mission


@require_http_methods(["GET", "HEAD", "POST"])
@page
def ask(request: HttpRequest) -> HttpResponse:
    """Sent twice it is one mission: the form carries the name it is found by."""
    actor, place = actor_of(request), place_of(request)
    may = policy.can(actor, "mission.create", place) if place is not None else None
    form, status = AskForm(request.POST if request.method == "POST" else None), 200
    sent = _name_of(request)
    if request.method == "POST" and place is not None:
        policy.require(actor, "mission.create", place)
        status = 400
        if form.is_valid():
            try:
                made = services.ensure_mission(
                    place,
                    actor=actor,
                    external_ref=f"desk-{actor.user_id}-{sent}",
                    source="desk",
                    brief=form.of_brief(),
                    **form.of_mission(),
                ).mission
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                status = CODES[error.error_code]
                refuse(form, error)
            else:
                messages.success(request, f"{made.ref} is planned. Start it when it says enough.")
                return HttpResponseRedirect(reverse("mission_desk:mission", args=(made.uid,)))
    context = {
        "title": "Ask for a mission",
        "form": form if may else None,
        "why_not": may.reason if may is not None else "",
        "place": place,
        "sent": sent,
        "button": "Plan it",
        "back": reverse("mission_desk:missions"),
    }
    return show(request, "missions/ask.html", context, status=status)


def _name_of(request: HttpRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("sent", ""))
    except ValueError:
        return uuid7()


@require_http_methods(["GET", "HEAD", "POST"])
@page
def say(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    mission = mission_of(actor, uid)
    policy.require(actor, "mission.change", mission)
    policy.require(actor, "mission.brief", mission)
    brief = Brief.objects.get(mission=mission)
    given = request.POST if request.method == "POST" else None
    form, status = AskForm(given, initial=said_in(mission, brief)), 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                _change(mission, form, actor, _seen(request))
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                status = CODES[error.error_code]
                refuse(form, error)
            else:
                messages.success(request, "Saved.")
                return HttpResponseRedirect(reverse("mission_desk:mission", args=(mission.uid,)))
    context = {
        "title": f"What {mission.ref} is to achieve",
        "form": None if brief.is_locked else form,
        "why_not": "its brief is locked, and signed as it is" if brief.is_locked else "",
        "place": mission.workspace,
        "button": "Save",
        # What stands now: a form that came too late says so, and comes back to be sent again.
        "seen": f"{mission.version}-{brief.version}",
        "back": reverse("mission_desk:mission", args=(mission.uid,)),
    }
    return show(request, "missions/ask.html", context, status=status)


def _seen(request: HttpRequest) -> tuple[int | None, int | None]:
    """The versions of the mission and of its brief that the form was made of. A form without them
    was made by nobody's page: it is taken for one that is too old."""
    parts = request.POST.get("seen", "").split("-")
    if len(parts) != 2 or not all(each.isascii() and each.isdigit() for each in parts):
        return 0, 0
    first, second = (int(each[:9]) for each in parts)
    return first, second


@transaction.atomic
def _change(
    mission: Mission, form: AskForm, actor: Actor, seen: tuple[int | None, int | None]
) -> None:
    """Both or neither. What was emptied is emptied, too. Sent twice it says nothing new, and is no
    reproach."""
    from_form: dict[str, Any] = form.of_mission()
    brief = {name: value for name, value in form.cleaned_data.items() if name not in from_form}
    brief["kpi_direction"] = brief["kpi_direction"] or "up"
    if _says(mission, brief | from_form):
        return
    services.change_mission(mission, actor=actor, version=seen[0], **from_form)
    services.put_brief(mission, actor=actor, version=seen[1], **brief)


def _says(mission: Mission, values: dict[str, Any]) -> bool:
    """Whether all of it stands there already."""
    row = Mission.objects.get(pk=mission.pk)
    stands = said_in(row, Brief.objects.get(mission=row))
    return all(
        stands[name] == value or not (stands[name] or value or value == 0)
        for name, value in values.items()
    )


def mission_of(actor: Actor, uid: uuid.UUID) -> Mission:
    """Out of scope is the same as gone."""
    rows = Mission.objects.visible_to(actor).select_related("workspace", "item", "owner")
    found: Mission | None = rows.filter(uid=uid).first()
    if found is None:
        raise NotFound("No such mission.")
    return found
