"""Swaps: who stands in for whom, and until when."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html

from controlplane.access.models import User
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.web import actor_of
from controlplane.lib import clock
from controlplane.oncall import services
from controlplane.oncall.links import page_of
from controlplane.oncall.models import Override


class Which(admin.SimpleListFilter):
    title = "which"
    parameter_name = "which"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("now", "Now and to come"), ("mine", "Mine")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "mine":
            mine = actor_of(request).user_id
            return queryset.filter(Q(person_id=mine) | Q(made_by_id=mine))
        return queryset.current_or_to_come() if self.value() == "now" else queryset


def _over(obj: Override) -> str:
    if obj.cancelled_at is not None:
        return "It was taken back."
    return "It is over." if obj.ends <= clock.now() else ""


@admin.register(Override)
class OverrideAdmin(ModelAdmin[Override]):
    list_name = "On-call swaps"
    view_action = "oncall.view"
    about = "Shifts that people took or handed over."
    tabs = (("Now and to come", "which=now"), ("Mine", "which=mine"), ("All", "view=all"))
    empty = "No swaps."
    empty_hint = "Take a shift on the page of its schedule."
    list_display = ["called_by", "state", "schedule_shown", "starts", "ends"]
    phone_columns = ("state", "starts")
    list_filter = (Which,)
    list_select_related: ClassVar[Any] = ["person", "schedule"]
    head_state = "state"
    facts = ("state", "person_shown", "schedule_shown", "begins", "until", "why", "made_by_shown",
             "created_at", "cancelled_at", "uid")  # fmt: skip

    @admin.display(description="Swap")
    def called_by(self, obj: Override) -> str:
        return self.heading(obj)

    @admin.display(description="State")
    def state(self, obj: Override) -> str:
        if obj.cancelled_at is not None:
            return "Taken back"
        now = clock.now()
        if obj.ends <= now:
            return "Over"
        return "Planned" if obj.starts > now else "In force"

    @admin.display(description="Schedule")
    def schedule_shown(self, obj: Override) -> str:
        return format_html('<a href="{}">{}</a>', page_of(obj.schedule), obj.schedule.title)

    @admin.display(description="On duty")
    def person_shown(self, obj: Override) -> User:
        return obj.person

    @admin.display(description="Begins")
    def begins(self, obj: Override) -> Any:
        return obj.starts

    @admin.display(description="Until")
    def until(self, obj: Override) -> Any:
        return obj.ends

    @admin.display(description="Why")
    def why(self, obj: Override) -> str:
        return obj.reason

    @admin.display(description="Made by")
    def made_by_shown(self, obj: Override) -> Any:
        return obj.made_by or obj.made_by_ref

    def heading(self, obj: Override) -> str:
        return f"{obj.person.name or obj.person.email} for {obj.schedule.title}"

    @button(label="Take back", action="oncall.view", when=_over, quiet=True,
            confirm="From now on the rotation counts again.")  # fmt: skip
    def take_back(self, request: HttpRequest, obj: Override, reason: str) -> str:
        services.end_override(obj, actor=actor_of(request), reason=reason)
        return "It is taken back."
