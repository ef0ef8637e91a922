"""Visits of stages, and ticks: the way each mission went."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.questions import question
from controlplane.lib.lasting import lasted
from missions import links
from missions.models import ChecklistTick, StageVisit


@admin.register(StageVisit)
class StageVisitAdmin(ModelAdmin[StageVisit]):
    list_name = "Stage visits"
    view_action = "mission.view"
    about = (
        "Each time a mission was in a stage: how long, and how it left. Nothing is changed here."
    )
    tabs = (("Here now", "left=no"), ("Sent back", "outcome__exact=sent_back"), ("All", "view=all"))
    empty = "No mission is in a stage."
    empty_hint = "Start a mission, and it is in Define."
    list_display = ["which", "state", "title", "entered_at", "dwell", "asked"]
    phone_columns = ("state", "dwell")
    list_filter = (
        question("Here now", "left", {"no": ("Here now", lambda rows: rows.open())}),
        *("stage", "outcome"),
    )
    list_select_related = ["mission", "approval"]
    search_fields = ["mission__ref", "mission__title"]
    head_state = "state"
    head_clocks = ("entered_at",)
    facts = (
        *("state", "title", "which", "asked", "entered_at", "entered_by", "left_at", "left_by"),
        *("dwell", "reason", "linked", "uid"),
    )
    labels = {"entered_at": "Entered", "left_at": "Left"}
    audited = False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("mission__workspace", "approval")

    def heading(self, obj: StageVisit) -> str:
        return f"{obj} of {obj.mission.title}"

    @admin.display(description="Stage", ordering="stage")
    def which(self, obj: StageVisit) -> str:
        return str(obj)

    @admin.display(description="State")
    def state(self, obj: StageVisit) -> str:
        return "Open" if obj.is_open else str(obj.get_outcome_display())

    @admin.display(description="Mission")
    def title(self, obj: StageVisit) -> SafeString:
        return format_html('<a href="{}">{}</a>', links.page_of(obj.mission), obj.mission)

    @admin.display(description="Stayed")
    def dwell(self, obj: StageVisit) -> Any:
        return lasted(obj.entered_at, obj.left_at)

    @admin.display(description="Checkpoint")
    def asked(self, obj: StageVisit) -> Any:
        return obj.approval

    @admin.display(description="Evidence")
    def linked(self, obj: StageVisit) -> str:
        return ", ".join(each["label"] for each in obj.evidence)


@admin.register(ChecklistTick)
class ChecklistTickAdmin(ModelAdmin[ChecklistTick]):
    list_name = "Checklist ticks"
    view_action = "mission.view"
    about = "Who said that which line of a checklist is done, and what by."
    tabs = (("Standing", "taken=no"), ("All", "view=all"))
    empty = "Nothing is ticked."
    empty_hint = "Lines are ticked on a mission's page."
    list_display = ["words", "state", "title", "by", "at"]
    phone_columns = ("state", "at")
    list_filter = (
        question("Standing", "taken", {"no": ("Standing", lambda rows: rows.standing())}),
    )
    list_select_related = ["visit__mission"]
    search_fields = ["visit__mission__ref", "visit__mission__title"]
    head_state = "state"
    head_clocks = ("at",)
    facts = ("state", "title", "words", "by", "at", "note", "retracted_at", "retracted_by", "uid")
    audited = False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("visit__mission__workspace")

    def heading(self, obj: ChecklistTick) -> str:
        return self.words(obj)

    @admin.display(description="Line", ordering="line")
    def words(self, obj: ChecklistTick) -> str:
        line = obj.visit.definition.line(obj.line)
        return line.title if line is not None else obj.line

    @admin.display(description="State")
    def state(self, obj: ChecklistTick) -> str:
        return "Done" if obj.retracted_at is None else "Withdrawn"

    @admin.display(description="Mission")
    def title(self, obj: ChecklistTick) -> SafeString:
        mission = obj.visit.mission
        return format_html('<a href="{}">{}</a>', links.page_of(mission), mission)
