"""Briefs: what each mission is to achieve, and how one will know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.base.admin import ModelAdmin
from controlplane.base.web import actor_of
from missions import links, services
from missions.models import Brief

_WRITTEN = (
    *("objective", "audience", "business_objective", "kpi_name", "kpi_unit", "kpi_baseline"),
    *("kpi_target", "kpi_direction", "kpi_deadline", "timeline", "confidence"),
)


@admin.register(Brief)
class BriefAdmin(ModelAdmin[Brief]):
    view_action = "mission.view"
    change_action = "mission.brief"
    about = "What each mission is to achieve, and how one will know."
    tabs = (("All", "view=all"),)
    empty = "No brief yet."
    empty_hint = "Each mission has one from its beginning."
    list_display = ["title", "kpi", "state", "changed_at"]
    phone_columns = ("state",)
    list_select_related = ["mission"]
    search_fields = ["mission__ref", "mission__title", "kpi_name"]
    edit_fields = _WRITTEN
    head_state = "state"
    labels: ClassVar[Mapping[str, str]] = {
        "kpi_name": "KPI", "kpi_unit": "Unit", "kpi_baseline": "Now", "kpi_target": "Target",
        "kpi_direction": "Better is", "kpi_deadline": "By when", "locked_at": "Locked",
        "locked_by": "Locked by", "confidence": "How sure the agent was",
        "business_objective": "Business objective", "timeline": "Time frame",
    }  # fmt: skip
    audited = False  # what is done to it is told of its mission
    facts = ("state", "of_mission", *_WRITTEN, "revision", "locked_at", "locked_by", "version")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("mission__workspace")

    def heading(self, obj: Brief) -> str:
        return f"Brief of {obj.mission.title}"

    @admin.display(description="Mission", ordering="mission__title")
    def title(self, obj: Brief) -> str:
        return str(obj.mission)

    @admin.display(description="Mission")
    def of_mission(self, obj: Brief) -> SafeString:
        return format_html('<a href="{}">{}</a>', links.page_of(obj.mission), obj.mission)

    @admin.display(description="KPI")
    def kpi(self, obj: Brief) -> str:
        return obj.kpi_name

    @admin.display(description="State")
    def state(self, obj: Brief) -> str:
        return "Locked" if obj.is_locked else "Open"

    def service_save(
        self, request: HttpRequest, obj: Brief, form: forms.ModelForm[Brief], change: bool
    ) -> Brief:
        given = {name: form.cleaned_data[name] for name in _WRITTEN if name in form.cleaned_data}
        return services.put_brief(obj.mission, actor=actor_of(request), **given)
