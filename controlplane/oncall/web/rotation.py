"""A rotation: who takes turns, how long, in which hours."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import time
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.base.posting import tell
from controlplane.base.web import actor_of
from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from controlplane.oncall import numbers, services
from controlplane.oncall.links import page_of
from controlplane.oncall.models import EVERY_DAY, Layer, Schedule
from controlplane.oncall.plans import rotation_of
from controlplane.oncall.services.layers import current
from controlplane.oncall.shown.words import WEEKDAYS, zones
from controlplane.oncall.walls import local_of, zone_of
from controlplane.oncall.web.common import choices_of, page, people_of, schedule_of, show

SPARE = 3
LEAST = 4
DAYS = [(str(day), name) for day, name in enumerate(WEEKDAYS)]
_TIME: Any = {"widget": forms.TimeInput(format="%H:%M", attrs={"type": "time"})}
_DAY: Any = {"widget": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})}


class RotationForm(forms.Form):
    title = forms.CharField(label="Called", max_length=120, required=False)
    every = forms.IntegerField(label="A turn lasts", min_value=1, max_value=1344, initial=1)
    turn = forms.ChoiceField(label="Counted in", choices=Layer.Turn.choices, initial="weekly")
    handoff_time = forms.TimeField(label="Hand-over time", **_TIME)
    handoff_weekday = forms.TypedChoiceField(
        label="On (turns of weeks)", choices=DAYS, coerce=int, initial="0"
    )
    time_zone = forms.ChoiceField(label="Time zone")
    starts_on = forms.DateField(
        label="From",
        required=False,
        help_text="Whom you name first has the turn this day lies in. Empty: today.",
        **_DAY,
    )  # fmt: skip
    until = forms.DateField(label="Until", required=False, help_text="Empty: for good.", **_DAY)
    days = forms.TypedMultipleChoiceField(
        label="Only on", choices=DAYS, coerce=int, initial=[str(day) for day in EVERY_DAY],
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    hours_from = forms.TimeField(label="Only from", required=False, **_TIME)
    hours_until = forms.TimeField(
        label="Only until",
        required=False,
        help_text="Empty: all day. Hours may go over midnight.",
        **_TIME,
    )
    reason = forms.CharField(label="Why", max_length=300, required=False)

    def __init__(self, data: Any, schedule: Schedule, was: Layer | None) -> None:
        super().__init__(data, initial=_as_it_is(was, schedule), label_suffix="")
        fields: dict[str, Any] = self.fields
        fields["time_zone"].choices = zones()
        known = _in_turn(was)
        people = people_of(schedule.workspace_id)
        here = {one.pk for one in people}
        order = [one for one in known if one.pk in here]
        typed = [key for key in (data or {}) if key.startswith("person")]
        shown = max(len(order) + SPARE, LEAST, len(typed))
        self.places = min(shown, numbers.MOST_PEOPLE.value)
        choices = choices_of(people, "Nobody")
        for place in range(self.places):
            fields[f"person{place}"] = forms.ChoiceField(
                label=f"{place + 1}.", choices=choices, required=False, label_suffix="",
                initial=str(order[place].uid) if place < len(order) else "",
            )  # fmt: skip
        self.gone = [one for one in dict.fromkeys(known) if one.pk not in here]

    @property
    def people_rows(self) -> Iterator[Any]:
        for place in range(self.places):
            yield self[f"person{place}"]

    def given(self) -> dict[str, Any]:
        data = self.cleaned_data
        names = [f"person{place}" for place in range(self.places)]
        plain = {name: value for name, value in data.items() if name not in names}
        return {**plain, "people": [data[name] for name in names if data.get(name)]}


def _as_it_is(was: Layer | None, schedule: Schedule) -> dict[str, Any]:
    if was is None:
        return {
            "time_zone": schedule.time_zone,
            "handoff_time": time(9),
        }
    names = (
        "title", "every", "turn", "handoff_time", "handoff_weekday", "time_zone", "hours_from",
        "hours_until",
    )  # fmt: skip
    found = {name: getattr(was, name) for name in names}
    if was.until_at is not None:
        found["until"] = local_of(was.until_at, zone_of(was.time_zone)).date()
    return {**found, "days": [str(day) for day in was.days]}


def _in_turn(was: Layer | None) -> list[User]:
    """Its people, whoever has the turn now first: so that a change that starts today leaves who
    is on duty where they are."""
    if was is None:
        return []
    found = [place.person for place in was.places.all()]
    if was.from_at > clock.now() or not found:
        return found
    turn = max(rotation_of(was).turn_at(clock.now()), 0) % len(found)
    return found[turn:] + found[:turn]


@require_http_methods(["GET", "HEAD", "POST"])
@page
def rotation(request: HttpRequest, uid: uuid.UUID, position: int) -> HttpResponse:
    schedule = schedule_of(request, uid)
    policy.require(actor_of(request), "oncall.manage", schedule)
    known = {layer.position: layer for layer in reversed(current(schedule))}
    was = known.get(position)
    if was is None and position > numbers.MOST_LAYERS.value:
        raise NotFound("There is no such rotation.")
    form = RotationForm(request.POST if request.method == "POST" else None, schedule, was)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                services.set_layer(schedule, position, actor=actor_of(request), **form.given())
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                status = error.status
                tell(form, error)
            else:
                messages.success(request, "The rotation is set. Its people are told.")
                return HttpResponseRedirect(page_of(schedule))
    context = {
        "title": "Change the rotation" if was else "New rotation",
        "schedule": schedule,
        "back": page_of(schedule),
        "form": form,
        "was": was,
        "position": position,
        "above": any(other > position for other in known),
        "below": any(other < position for other in known),
    }
    return show(request, "rotation.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def end(request: HttpRequest, uid: uuid.UUID, position: int) -> HttpResponse:
    """Whether it shall end now: what it leaves open is a gap, so it is asked first."""
    schedule = schedule_of(request, uid)
    policy.require(actor_of(request), "oncall.manage", schedule)
    was = next((layer for layer in current(schedule) if layer.position == position), None)
    if was is None:
        raise NotFound("There is no such rotation.")
    if request.method == "POST":
        reason = request.POST.get("reason", "").replace("\x00", "").strip()[:300]
        services.drop_layer(schedule, position, actor=actor_of(request), reason=reason)
        messages.success(request, "The rotation has ended.")
        return HttpResponseRedirect(page_of(schedule))
    context = {
        "title": "End the rotation",
        "schedule": schedule,
        "back": page_of(schedule),
        "was": was,
    }
    return show(request, "end.html", context)
