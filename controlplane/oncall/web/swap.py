"""Taking a shift, or handing it over."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.audit.services import record_denied
from controlplane.base.posting import tell
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from controlplane.oncall import services
from controlplane.oncall.links import page_of
from controlplane.oncall.models import Schedule
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


class SwapForm(forms.Form):
    person = forms.ChoiceField(label="Who is on duty")
    starts = forms.Field(label="From", required=False)
    ends = forms.Field(label="Until")
    reason = forms.CharField(
        label="Why", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Whoever had the shift reads it.",
    )  # fmt: skip

    def __init__(
        self, request: HttpRequest, schedule: Schedule, actor: Actor, until: datetime | None
    ) -> None:
        zone = zone_for(request)
        asked = {
            "starts": (asked_time(request, "from"), f"{zone.key} time. Empty: from now on."),
            "ends": (asked_time(request, "until") or until, f"{zone.key} time."),
        }
        super().__init__(request.POST if request.method == "POST" else None, label_suffix="")
        fields: dict[str, Any] = self.fields
        for name, (at, text) in asked.items():
            was = fields[name]
            fields[name] = WallField(
                zone, label=was.label, required=was.required, help_text=text, initial=at
            )
        people = people_of(schedule.workspace_id)
        if not policy.can(actor, "oncall.manage", schedule):
            among = serving(schedule)
            people = [one for one in people if one.pk in among or one.pk == actor.user_id]
        fields["person"].choices = choices_of(people, "Choose somebody")
        me = [str(one.uid) for one in people if one.pk == actor.user_id]
        handing = request.GET.get("hand") == "over"
        fields["person"].initial = "" if handing else next(iter(me), "")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def swap(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    schedule, actor = schedule_of(request, uid), actor_of(request)
    if not policy.can(actor, "oncall.manage", schedule):
        policy.require(actor, "oncall.override", schedule)
    [shown] = told([schedule], zone=zone_of_reader(request), days=14, reader=actor.user_id)
    duty = shown.standing.duty
    form = SwapForm(request, schedule, actor, duty.until if duty is not None else None)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                made = services.override(schedule, actor=actor, **form.cleaned_data)
            except NotFound:
                raise
            except ControlPlaneError as error:
                if isinstance(error, NotAllowed):
                    record_denied(error)
                status = error.status
                tell(form, error)
            else:
                name = made.person.name or made.person.email
                messages.success(request, f"{name} is on duty then. Everybody concerned is told.")
                return HttpResponseRedirect(page_of(schedule))
    context = {
        "title": "Hand over a shift" if request.GET.get("hand") == "over" else "Take a shift",
        "schedule": schedule,
        "back": page_of(schedule),
        "form": form,
        "rota": shown,
    }
    return show(request, "swap.html", context, status=status)
