"""Asking others to take a shift, and answering."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.access import policy
from controlplane.audit.services import record_denied
from controlplane.base.posting import tell
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError, NotAllowed, NotFound
from controlplane.oncall import services
from controlplane.oncall.links import page_of, request_url
from controlplane.oncall.models import Schedule, SwapRequest
from controlplane.oncall.services.overrides import serving
from controlplane.oncall.shown.bands import told
from controlplane.oncall.web.common import (
    WallField,
    asked_time,
    choices_of,
    page,
    people_of,
    schedule_of,
    show,
    zone_for,
    zone_of_reader,
)

VERBS: dict[str, tuple[Callable[..., SwapRequest], str]] = {
    "take": (services.take_asked, "The shift is yours. Whoever asked is told."),
    "decline": (services.decline_asked, "Whoever asked is told."),
    "withdraw": (services.withdraw_asked, "Nobody is asked any more."),
}


class AskForm(forms.Form):
    asked = forms.ChoiceField(label="Whom", required=False)
    starts = forms.Field(label="From")
    ends = forms.Field(label="Until")
    reason = forms.CharField(
        label="Why", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Whoever is asked reads it.",
    )  # fmt: skip

    def __init__(
        self, request: HttpRequest, schedule: Schedule, actor: Actor, own: tuple[Any, Any]
    ) -> None:
        zone = zone_for(request)
        asked = {
            "starts": asked_time(request, "from") or own[0],
            "ends": asked_time(request, "until") or own[1],
        }
        super().__init__(request.POST if request.method == "POST" else None, label_suffix="")
        fields: dict[str, Any] = self.fields
        for name, at in asked.items():
            fields[name] = WallField(
                zone, label=fields[name].label, help_text=f"{zone.key} time.", initial=at
            )
        among = serving(schedule) - {actor.user_id}
        people = [one for one in people_of(schedule.workspace_id) if one.pk in among]
        fields["asked"].choices = choices_of(people, "Whoever is on call here")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def ask(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    schedule, actor = schedule_of(request, uid), actor_of(request)
    policy.require(actor, "oncall.override", schedule)
    [shown] = told([schedule], zone=zone_of_reader(request), days=28, reader=actor.user_id)
    form = AskForm(request, schedule, actor, _own_next(shown, actor))
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                made = services.ask_swap(schedule, actor=actor, **form.cleaned_data)
            except NotFound:
                raise
            except ControlPlaneError as error:
                if isinstance(error, NotAllowed):
                    record_denied(error)
                status = error.status
                tell(form, error)
            else:
                messages.success(request, "They are asked. The shift is yours until one takes it.")
                return HttpResponseRedirect(request_url(made))
    context = {
        "title": "Ask for a swap",
        "schedule": schedule,
        "back": page_of(schedule),
        "form": form,
        "rota": shown,
    }
    return show(request, "ask.html", context, status=status)


def _own_next(shown: Any, actor: Actor) -> tuple[datetime | None, datetime | None]:
    """One's own next shift, which is what one mostly asks about."""
    at = shown.standing.at
    for piece in shown.band.pieces:
        if piece.person is not None and piece.person.pk == actor.user_id and piece.since > at:
            return piece.since, piece.until
    return None, None


@require_POST
@page
def answer(request: HttpRequest, uid: uuid.UUID, verb: str) -> HttpResponse:
    """In one tap, from the board or the row. What went wrong is told where one comes back to."""
    actor = actor_of(request)
    rows = SwapRequest.objects.visible_to(actor).select_related("schedule")
    found = rows.filter(uid=uid).first()
    if found is None or verb not in VERBS:
        raise NotFound("No such request.")
    service, done = VERBS[verb]
    try:
        service(found, actor=actor)
    except Conflict as error:
        messages.error(request, error.message)
    else:
        messages.success(request, done)
    return HttpResponseRedirect(back_of(request, reverse("oncall:board")))


def back_of(request: HttpRequest, otherwise: str) -> str:
    asked = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(asked, allowed_hosts=None):
        return asked
    return otherwise
