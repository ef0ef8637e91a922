"""Segments: conditions under one name, and every rule that uses them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.web import actor_of
from controlplane.lib.errors import Invalid
from deployments.flags import services
from deployments.flags.models import Segment
from deployments.flags.shown import links, segments, words


@admin.register(Segment)
class SegmentAdmin(ModelAdmin[Segment]):
    list_name = "Segments"
    view_action = "flag.view"
    add_action = "flag.change"
    about = "Conditions under one name, for rules of many flags."
    empty = "There is no segment."
    empty_hint = "“Tenants in Europe” as a segment is said once, and every rule may use it."
    list_display = ("name", "slug", "says", "used", "changed_by", "changed_at")
    phone_columns = ("used", "changed_at")
    search_fields = ("name", "slug", "description")
    labels = {"used": "Used by", "says": "Who is in it", "changed_at": "Changed"}
    in_palette = True
    panel_template = "flags/panel_segment.html"
    change_form_template = "flags/row.html"
    change_list_template = "flags/list.html"
    head_clocks = ("changed_at",)
    facts = ("slug", "description", "used", "changed_by", "changed_at", "created_at", "uid")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        found = super().get_changelist_instance(request)
        found.result_list = list(found.result_list)
        used = segments.used_by(found.result_list)
        for segment in found.result_list:
            segment.used_by = used.get((segment.workspace_id, segment.slug), 0)
        return found

    @admin.display(description="Who is in it")
    def says(self, segment: Segment) -> str:
        return segments.says(segment)

    @admin.display(description="Used by")
    def used(self, segment: Segment) -> str:
        known = getattr(segment, "used_by", None)
        count = len({use.flag for use in services.uses_of(segment)}) if known is None else known
        return f"{count} flag{'' if count == 1 else 's'}" if count else "no flag"

    def service_save(
        self, request: HttpRequest, obj: Segment, form: forms.ModelForm[Segment], change: bool
    ) -> Segment:
        """Its form stands at the same address, before the admin's: `web.segment`."""
        raise Invalid("A segment is made by its own form.")

    def panel_context(self, request: HttpRequest, obj: Segment) -> Mapping[str, Any]:
        uses = [
            {
                "flag": use.flag,
                "url": links.row(use.state.flag),
                "environment": use.state.environment.name,
                "says": words.sentence(use.state.settings, {obj.slug: obj.name}),
            }
            for use in services.uses_of(obj)
        ]
        return {
            "conditions": [words.constraint(each) for each in obj.constraints],
            "uses": uses[:100],
            "more": max(0, len(uses) - 100),
        }

    @button(label="Edit", action="flag.change")
    def change(self, request: HttpRequest, segment: Segment, reason: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("flags:segment", args=(segment.uid,)))

    @button(
        label="Remove",
        action="flag.change",
        reason=True,
        typed=True,
        confirm="Gone for good. It is refused while a rule uses it.",
    )
    def remove(self, request: HttpRequest, segment: Segment, reason: str) -> HttpResponse:
        services.remove_segment(segment, actor=actor_of(request), reason=reason)
        return HttpResponseRedirect(self._back(None))
