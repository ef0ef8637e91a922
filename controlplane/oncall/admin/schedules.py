"""Schedules: their page with rotations, shifts, gaps and swaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.access.policy import PEOPLE, ROLES
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from controlplane.oncall import numbers, services
from controlplane.oncall.models import EVERY_DAY, HandoffNote, Override, Schedule, SwapRequest
from controlplane.oncall.services.layers import current
from controlplane.oncall.shown import words
from controlplane.oncall.shown.bands import told

FIELDS = ("title", "about", "roles", "time_zone", "cover_days", "cover_from", "cover_until",
          "notes_wanted", "overlap_minutes")  # fmt: skip
SWAPS = 12
NOTES = 4
_TIME = forms.TimeInput(format="%H:%M", attrs={"type": "time"})

if TYPE_CHECKING:
    _Form = forms.ModelForm[Schedule]
else:
    _Form = forms.ModelForm


class ScheduleForm(_Form):
    roles = forms.MultipleChoiceField(
        label="Roles it fills",
        choices=[(slug, label) for slug, (label, _) in ROLES.items() if slug in PEOPLE],
        widget=forms.CheckboxSelectMultiple,
    )
    time_zone = forms.ChoiceField(label="Time zone")
    cover_days = forms.TypedMultipleChoiceField(
        label="Days",
        choices=[(str(day), name) for day, name in enumerate(words.WEEKDAYS)],
        coerce=int,
        initial=[str(day) for day in EVERY_DAY],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Schedule
        fields = ("slug", *FIELDS)
        widgets: ClassVar[Mapping[str, Any]] = {"cover_from": _TIME, "cover_until": _TIME}
        help_texts: ClassVar[Mapping[str, str]] = {
            "cover_until": "Empty: all day. Nobody on duty outside these hours is no gap.",
            "overlap_minutes": "Minutes after a hand-over; a note is due by then.",
            "slug": "In addresses and answers; it stays.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        if "time_zone" in fields:
            fields["time_zone"].choices = words.zones()


class InUse(admin.SimpleListFilter):
    title = "in effect"
    parameter_name = "in_use"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "In effect"), ("no", "Retired")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        asked = self.value()
        return queryset if asked is None else queryset.filter(retired_at__isnull=asked == "yes")


def _retired(obj: Schedule) -> str:
    return "" if obj.is_active else "It is retired."


@admin.register(Schedule)
class ScheduleAdmin(ModelAdmin[Schedule]):
    list_name = "On-call schedules"
    view_action = "oncall.view"
    add_action = "oncall.manage"
    change_action = "oncall.manage"
    about = "Who takes turns, for which role. Who is on duty follows from it, hour by hour."
    tabs = (("In effect", "in_use=yes"), ("All", "view=all"))
    empty = "No schedule yet."
    empty_hint = "Make one for a role, then add a rotation of people who take turns."
    list_display = ["title", "state", "fills", "cover", "time_zone", "changed_at"]
    phone_columns = ("state", "fills")
    list_filter = (InUse,)
    search_fields = ["title", "slug"]
    in_palette = True
    form = ScheduleForm
    add_fields = ("slug", *FIELDS)
    edit_fields = FIELDS
    change_form_template = "oncall/row.html"
    change_list_template = "oncall/list.html"
    panel_template = "oncall/panel_schedule.html"
    labels: ClassVar[Mapping[str, str]] = {
        "title": "Called", "about": "What it is for", "roles": "Roles it fills",
        "fills": "Fills", "cover": "Somebody should be there", "cover_days": "Days",
        "cover_from": "Somebody should be there from", "cover_until": "Until",
        "time_zone": "Time zone", "notes_wanted": "Ask for a hand-off note",
        "overlap_minutes": "Both are there for",
    }  # fmt: skip
    head_state = "state"
    facts = ("state", "fills", "cover", "time_zone", "about", "slug", "created_at", "changed_at",
             "uid")  # fmt: skip

    @admin.display(description="State")
    def state(self, obj: Schedule) -> str:
        return "In effect" if obj.is_active else "Retired"

    @admin.display(description="Fills")
    def fills(self, obj: Schedule) -> str:
        return words.roles(obj)

    @admin.display(description="Somebody should be there")
    def cover(self, obj: Schedule) -> str:
        return words.cover(obj)

    def panel_context(self, request: HttpRequest, obj: Schedule) -> Mapping[str, Any]:
        actor = actor_of(request)
        zone = request.user.time_zone if isinstance(request.user, User) else "UTC"
        days = numbers.ROSTER_WEEKS.value * 7
        [shown] = told([obj], zone=zone, days=days, reader=actor.user_id)
        layers = current(obj) if obj.is_active else []
        free = next(
            (n for n in range(1, numbers.MOST_LAYERS.value + 1)
             if n not in {layer.position for layer in layers}), 0,
        )  # fmt: skip
        swaps = Override.objects.visible_to(actor).filter(schedule=obj).current_or_to_come()
        return {
            "rota": shown,
            "layers": [_layer(obj, layer, shown) for layer in layers],
            "free": reverse("oncall:rotation", args=(obj.uid, free)) if free else "",
            "swaps": swaps.select_related("person").order_by("starts")[:SWAPS],
            "asked": SwapRequest.objects.visible_to(actor)
            .open()
            .filter(schedule=obj)
            .select_related("asker", "asked")
            .order_by("starts")[:SWAPS],
            "notes": HandoffNote.objects.visible_to(actor)
            .handed()
            .filter(schedule=obj)
            .select_related("person")
            .order_by("-handed_at")[:NOTES],
            "may_manage": obj.is_active and policy.can(actor, "oncall.manage", obj).allowed,
            "may_take": obj.is_active and policy.can(actor, "oncall.override", obj).allowed,
            "weeks": numbers.ROSTER_WEEKS.value,
        }

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        here = workspace_of(request)
        user = request.user
        zone = user.time_zone if isinstance(user, User) else "UTC"
        return {"time_zone": here.time_zone if here is not None else zone}

    # --- Writes ---------------------------------------------------------------------------

    def service_save(
        self,
        request: HttpRequest,
        obj: Schedule,
        form: forms.ModelForm[Schedule],
        change: bool,
    ) -> Schedule:
        actor, data = actor_of(request), form.cleaned_data
        given = {name: data[name] for name in FIELDS}
        if change:
            return services.change_schedule(obj, actor=actor, **given)
        workspace = workspace_of(request)
        known = list(getattr(request, "workspaces", []))
        if workspace is None and len(known) == 1:
            workspace = known[0]
        if workspace is None:
            raise Invalid("Choose the workspace it is for.")
        return services.define_schedule(workspace, data["slug"], actor=actor, **given)

    @button(label="Retire", action="oncall.manage", reason=True, when=_retired, quiet=True,
            confirm="It calls nobody from now on, for good.")  # fmt: skip
    def retire(self, request: HttpRequest, obj: Schedule, reason: str) -> str:
        services.retire_schedule(obj, actor=actor_of(request), reason=reason)
        return f"{obj.title} is retired."


def _layer(schedule: Schedule, layer: Any, shown: Any) -> dict[str, Any]:
    """A rotation as its card tells it: in order, whoever has the turn marked."""
    duty = shown.standing.duty
    on = duty is not None and duty.layer is not None and duty.layer.pk == layer.pk
    now = clock.now()
    return {
        "layer": layer,
        "turn": words.turn(layer),
        "only": words.restriction(layer),
        "people": [place.person for place in layer.places.all()],
        "on": duty.person.pk if on else None,
        "to_come": layer.from_at > now,
        "change": reverse("oncall:rotation", args=(schedule.uid, layer.position)),
        "end": reverse("oncall:end_rotation", args=(schedule.uid, layer.position)),
    }
