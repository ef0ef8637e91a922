"""Being away: somebody signs for one meanwhile."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.access.policy import ROLES, role_label
from controlplane.approvals import services
from controlplane.approvals.desk.frame import page, show
from controlplane.approvals.models import Delegation
from controlplane.approvals.web.delegate import receivers, refuse
from controlplane.approvals.web.moments import LocalMoment, told, zone_of_reader
from controlplane.base.posting import posted
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import CODES, ControlPlaneError, NotAllowed, NotFound

_SHOWN = 30


class AwayForm(forms.Form):
    to = forms.ChoiceField(label="Who signs for you")
    role = forms.ChoiceField(label="Of your roles", required=False)
    starts = LocalMoment(label="From", required=False)
    until = LocalMoment(label="Until", last=True)
    reason = forms.CharField(
        label="Why", max_length=500, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="They read it, and so does whoever looks later.",
    )  # fmt: skip

    def __init__(
        self, people: list[User], roles: list[str], data: Any = None, *, zone: str = "UTC"
    ) -> None:
        super().__init__(data)
        self.label_suffix = ""
        for name, said in (("starts", "Empty: from now on."), ("until", "")):
            self.fields[name].within(zone, said)  # type: ignore[attr-defined]
        named = [(str(user.uid), f"{user.name or user.email} ({user.email})") for user in people]
        self.fields["to"].choices = [("", "Choose somebody"), *named]  # type: ignore[attr-defined]
        held = [(role, role_label(role)) for role in roles]
        self.fields["role"].choices = [("", "All of them"), *held]  # type: ignore[attr-defined]


def place_of(request: HttpRequest) -> Workspace | None:
    """The chosen workspace, or the only one."""
    chosen = workspace_of(request)
    known: list[Workspace] = getattr(request, "workspaces", [])
    return chosen or (known[0] if len(known) == 1 else None)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def away(request: HttpRequest) -> HttpResponse:
    actor, place = actor_of(request), place_of(request)
    form, status = _form(request, actor, place), 200
    if request.method == "POST" and place is not None:
        policy.require(actor, "approval.delegate", place)
        made = _lend(form, actor, place)
        if isinstance(made, Delegation):
            to = made.to_user.name or made.to_user.email
            assert made.until is not None  # an absence has an end
            until = told(made.until, zone_of_reader(request))
            messages.success(request, f"{to} signs for you until {until}.")
            return HttpResponseRedirect(reverse("desk:away"))
        status = made
    may = place is not None and bool(policy.can(actor, "approval.delegate", place))
    context = {"title": "Away", "form": form if may else None, "place": place,
               "lent": _lines(actor),
               "zone": zone_of_reader(request)}  # fmt: skip
    return show(request, "away.html", context, status=status)


def _form(request: HttpRequest, actor: Actor, place: Workspace | None) -> AwayForm:
    people = receivers(place.pk, actor) if place is not None else []
    held = actor.roles_in(place.pk) if place is not None else frozenset()
    roles = [role for role in ROLES if role in held]
    given = request.POST if request.method == "POST" else None
    return AwayForm(people, roles, given, zone=zone_of_reader(request))


def _lend(form: AwayForm, actor: Actor, place: Workspace) -> Delegation | int:
    """The delegation, or the status of the refusal."""
    if not form.is_valid():
        return 400
    given = form.cleaned_data
    try:
        return services.delegate(
            None,
            given["to"],
            actor=actor,
            reason=given["reason"],
            until=given["until"],
            starts=given["starts"] or None,
            role=given["role"],
            workspace=place,
        )
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        refuse(form, error)
        return CODES[error.error_code]


def _lines(actor: Actor) -> list[dict[str, Any]]:
    """From me and to me, what is in force or to come first."""
    rows = Delegation.objects.visible_to(actor).filter(
        Q(from_user_id=actor.user_id) | Q(to_user_id=actor.user_id)
    )
    rows = rows.select_related("from_user", "to_user", "request", "workspace").order_by("-id")
    now = clock.now()
    return [
        {
            "row": row,
            "mine": row.from_user_id == actor.user_id,
            "reach": row.request.ref
            if row.request is not None
            else f"Everything as {role_label(row.role)}" if row.role else "Everything",
            "state": _state(row, now),
        }
        for row in rows[:_SHOWN]
    ]  # fmt: skip


def _state(row: Delegation, now: Any) -> str:
    if row.ended_at is not None:
        return "Ended"
    over = row.until is not None and row.until <= now
    if over or (row.request is not None and not row.request.is_open):
        return "Over"
    return "Planned" if row.starts > now else "In force"


@require_POST
@page
def end(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """By either of the two."""
    actor = actor_of(request)
    mine = Q(from_user_id=actor.user_id) | Q(to_user_id=actor.user_id)
    found = Delegation.objects.visible_to(actor).filter(mine, uid=uid).first()
    if found is None:
        raise NotFound("No such delegation.")
    services.end_delegation(found, actor=actor, reason=posted(request, "reason", 500))
    messages.success(request, "It is ended. What was signed stays signed.")
    return HttpResponseRedirect(reverse("desk:away"))
