"""Freezes: when nothing goes out, made and ended by a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of, workspace_of
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from controlplane.oncall.web.common import on_the_wall
from deployments import services
from deployments.models import Freeze

FIELDS = ("title", "reason", "environments", "starts_at", "ends_at")

if TYPE_CHECKING:
    _Form = forms.ModelForm[Freeze]
else:
    _Form = forms.ModelForm


class FreezeForm(_Form):
    class Meta:
        model = Freeze
        fields = FIELDS
        widgets: ClassVar[Mapping[str, Any]] = {
            "reason": forms.Textarea(attrs={"rows": 3}),
            "environments": forms.CheckboxSelectMultiple,
        }
        help_texts: ClassVar[Mapping[str, str]] = {
            "environments": "None: all of them.",
            "reason": "Whoever is held up reads it.",
        }


def _over(obj: Freeze) -> str:
    if obj.ended_at is not None or obj.ends_at <= clock.now():
        return "It is over."
    return ""


@admin.register(Freeze)
class FreezeAdmin(ModelAdmin[Freeze]):
    list_name = "Freezes"
    view_action = "freeze.view"
    add_action = "freeze.manage"
    change_action = "freeze.manage"
    about = "Times in which nothing goes out. Rollbacks, kills and consented hotfixes still do."
    tabs = (("Now and to come", "when=open"), ("Past", "when=past"), ("All", "view=all"))
    empty = "No freeze holds, and none is to come."
    empty_hint = "Make one for the days in which nothing may change, or POST /api/v1/freezes."
    list_display = ["title", "standing", "places", "starts_at", "ends_at", "reason"]
    phone_columns = ("standing", "ends_at")
    list_filter = (
        question(
            "When",
            "when",
            {
                "open": (
                    "Now and to come",
                    lambda rows: rows.filter(ended_at=None, ends_at__gt=clock.now()),
                ),
                "past": ("Past", lambda rows: rows.exclude(ended_at=None, ends_at__gt=clock.now())),
            },
        ),
    )
    search_fields = ["title", "reason"]
    in_palette = True
    form = FreezeForm
    fields = FIELDS  # the environments too, which are no column
    add_fields = FIELDS
    edit_fields = FIELDS
    labels: ClassVar[Mapping[str, str]] = {
        "title": "Called", "places": "Environments", "standing": "State", "starts_at": "From",
        "ends_at": "Until", "ended_at": "Ended early",
    }  # fmt: skip
    head_state = "standing"
    facts = (
        *("standing", "reason", "places", "starts_at", "ends_at", "ended_at", "created_by"),
        *("created_at", "uid"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("environments")

    @admin.display(description="State")
    def standing(self, obj: Freeze) -> str:
        now = clock.now()
        if obj.ended_at is not None:
            return "Ended early"
        if obj.ends_at <= now:
            return "Over"
        return "In force" if obj.starts_at <= now else "To come"

    @admin.display(description="Environments")
    def places(self, obj: Freeze) -> str:
        return ", ".join(str(place) for place in obj.environments.all()) or "all of them"

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Times as the reader's clock shows them."""
        form = super().get_form(request, *args, **kwargs)
        on_the_wall(form, request, "starts_at", "ends_at")
        return form

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "environments":
            chosen = workspace_of(request)
            rows = Environment.objects.visible_to(actor_of(request)).order_by("order", "slug")
            kwargs["queryset"] = rows if chosen is None else rows.filter(workspace=chosen)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def service_save(
        self, request: HttpRequest, obj: Freeze, form: forms.ModelForm[Freeze], change: bool
    ) -> Freeze:
        given = {name: form.cleaned_data[name] for name in FIELDS}
        if change:
            return services.change_freeze(obj, actor=actor_of(request), **given)
        workspace = workspace_of(request)
        known = list(getattr(request, "workspaces", []))
        if workspace is None and len(known) == 1:
            workspace = known[0]
        if workspace is None:
            raise Invalid("Choose the workspace it is for, at the top of the page.")
        return services.make_freeze(workspace, actor=actor_of(request), **given)

    @button(
        label="End it now", action="freeze.manage", reason=True, when=_over, quiet=True,
        confirm="From now on everything may go out again.",
    )  # fmt: skip
    def end(self, request: HttpRequest, obj: Freeze, reason: str) -> str:
        services.end_freeze(obj, actor=actor_of(request), reason=reason)
        return f"{obj.title} is over."
