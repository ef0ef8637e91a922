"""A calendar of another program taken into a schedule: looked at first, then saved."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.access.services.saving import invalid
from controlplane.base.posting import tell
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from controlplane.oncall import numbers, services
from controlplane.oncall.importing.preparing import Becoming, prepare
from controlplane.oncall.links import page_of
from controlplane.oncall.models import Layer, Schedule
from controlplane.oncall.services.layers import current
from controlplane.oncall.shown import words
from controlplane.oncall.web.common import choices_of, page, people_of, schedule_of, show

SHOWN = 60
MOST_LABELS = 50


class ImportForm(forms.Form):
    file = forms.FileField(label="Calendar file", required=False)
    calendar = forms.CharField(
        label="Or its text", required=False, strip=False, empty_value="",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text="What begins with BEGIN:VCALENDAR.",
    )  # fmt: skip
    become = forms.ChoiceField(
        label="Make of it",
        choices=[
            ("auto", "A rotation where it has a rhythm, swaps for the rest"),
            ("swaps", "Swaps only"),
        ],
        initial="auto",
    )
    position = forms.TypedChoiceField(label="Where the rotation goes", required=False,
                                      coerce=int, empty_value=None)  # fmt: skip
    reason = forms.CharField(label="Why", max_length=300, required=False)
    seen = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def __init__(self, request: HttpRequest, schedule: Schedule) -> None:
        data = request.POST if request.method == "POST" else None
        super().__init__(data, request.FILES or None, label_suffix="")
        fields: dict[str, Any] = self.fields
        known = {layer.position: layer for layer in reversed(current(schedule))}
        most = numbers.MOST_LAYERS.value
        fields["position"].choices = [
            ("", "Above the others"),
            *((at, f"In place of {known[at]}") for at in sorted(known, reverse=True)),
            *((at, f"New, at place {at}") for at in range(1, most + 1) if at not in known),
        ]
        named = [key[4:] for key in request.POST if key.startswith("who-")][:MOST_LABELS]
        self.people = {
            request.POST.get(f"label-{one}", ""): request.POST.get(f"who-{one}", "")
            for one in named
        }

    def raw(self) -> bytes:
        """The file, if one was given, or else the text; not read at all where it is too long."""
        given = self.cleaned_data.get("file")
        if given is None:
            return str(self.cleaned_data["calendar"]).encode("utf-8", "replace")
        if given.size > numbers.CALENDAR_BYTES.value:
            most = numbers.CALENDAR_BYTES.value // 1024
            raise invalid("file", f"At most {most} KiB. Export only the months to come.")
        return bytes(given.read())


@require_http_methods(["GET", "HEAD", "POST"])
@page
def calendar(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    schedule, actor = schedule_of(request, uid), actor_of(request)
    policy.require(actor, "oncall.manage", schedule)
    form = ImportForm(request, schedule)
    status, shown, raw = 200, None, b""
    if request.method == "POST":
        status = 400
        if form.is_valid():
            data = form.cleaned_data
            try:
                raw = form.raw()
                given = {
                    "calendar": raw, "people": form.people, "become": data["become"],
                    "position": data["position"],
                }  # fmt: skip
                if "save" in request.POST:
                    made = services.import_calendar(
                        schedule, actor=actor, seen=data["seen"], reason=data["reason"], **given
                    )
                    messages.success(request, _done(made))
                    return HttpResponseRedirect(page_of(schedule))
                shown = prepare(schedule, actor=actor, **given)
                status = 200
            except (NotAllowed, NotFound):
                raise
            except ControlPlaneError as error:
                status = error.status
                tell(form, error)
                shown = _again(schedule, actor, form, raw)
    context = {
        "title": "Import a calendar",
        "schedule": schedule,
        "back": page_of(schedule),
        "form": form,
        "most_kib": numbers.CALENDAR_BYTES.value // 1024,
        **_preview(shown, raw, form, schedule),
    }
    return show(request, "import.html", context, status=status)


def _again(schedule: Schedule, actor: Any, form: ImportForm, raw: bytes) -> Becoming | None:
    """What it would become by now, beside what went wrong; nothing if that can't be told."""
    data = form.cleaned_data
    try:
        return prepare(schedule, actor=actor, calendar=raw, become=data["become"],
                       position=data["position"])  # fmt: skip
    except ControlPlaneError:
        return None


def _done(made: Becoming) -> str:
    parts = ["a rotation"] * (made.rota is not None)
    if made.swaps:
        parts.append(f"{len(made.swaps)} swap{'s' * (len(made.swaps) != 1)}")
    return f"The calendar became {' and '.join(parts)}. Everybody concerned is told."


def _preview(
    made: Becoming | None, raw: bytes, form: ImportForm, schedule: Schedule
) -> dict[str, Any]:
    if made is None:
        return {"made": None}
    choices = choices_of(people_of(schedule.workspace_id), "Leave them out")
    labels = [*dict.fromkeys([*made.unknown, *(one for one, uid in form.people.items() if uid)])]
    rota = made.rota
    layer = Layer(**rota.fields()) if rota else None
    return {
        "made": made,
        "text": raw.decode("utf-8-sig", "replace").replace("\0", ""),
        "order": [made.people[pk] for pk in rota.people] if rota else [],
        "turn": words.turn(layer) if layer else "",
        "only": words.restriction(layer) if layer else "",
        "ends": rota.until if rota else None,
        "swaps": [(one, made.people[one.person or 0]) for one in made.swaps[:SHOWN]],
        "more": max(0, len(made.swaps) - SHOWN),
        "labels": [
            {
                "number": number,
                "label": label,
                "count": made.unknown.get(label, 0),
                "chosen": form.people.get(label, ""),
            }
            for number, label in enumerate(labels[:MOST_LABELS])
        ],
        "more_labels": max(0, len(labels) - MOST_LABELS),
        "choices": choices,
    }
