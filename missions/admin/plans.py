"""Plays, ways back, runs and who watches, across all missions: lists to find them in. They are
decided on each mission's own pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.questions import question
from controlplane.lib import clock
from controlplane.lib.lasting import lasted
from missions import links
from missions.models import (
    DutyWindow,
    Mission,
    Play,
    RiskEntry,
    Run,
    RunStep,
    UndoPlan,
    UndoRun,
)


class _Part(ModelAdmin[Any]):
    view_action = "mission.view"
    head_state = "status"
    related: ClassVar[tuple[str, ...]] = ("mission__workspace",)
    labels: ClassVar[Mapping[str, str]] = {
        "key": "Name", "proposed_by": "Proposed by", "proposed_at": "Proposed",
        "selected_by": "Chosen by", "selected_at": "Chosen", "reason": "Because",
        "window_minutes": "Minutes to undo", "ready_at": "Ready since", "ready_by": "Ready by",
        "tested_at": "Practised", "deadline_at": "Until", "closed_at": "Closed",
        "closed_reason": "How it ended", "requested_by": "Asked by", "requested_at": "Asked",
        "started_at": "Begun", "finished_at": "Ended", "ended_at": "Ended", "ended_by": "Ended by",
        "reversed": "Taken back", "outcome": "What came of it", "item_key": "Incident's item",
        "external_id": "Outside name", "agent": "By", "queued_at": "Queued",
        "dispatched_at": "Let go", "latency_ms": "Milliseconds", "error_code": "Error",
        "reported_at": "Last word", "reported_by": "Reported by", "mutating": "Changes something",
        "starts_at": "From", "ends_at": "Until", "by": "Written by", "late": "After its time",
        "drill": "Drill", "created_by": "Written by", "created_at": "Written",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related(*self.related)

    def mission(self, obj: Any) -> Mission:
        found: Mission = obj.mission
        return found

    def page(self, obj: Any) -> str:
        return links.plan_page(self.mission(obj))

    @admin.display(description="Mission")
    def of(self, obj: Any) -> SafeString:
        return format_html('<a href="{}">{}</a>', self.page(obj), self.mission(obj))


@admin.register(Play)
class PlayAdmin(_Part):
    about = "Ways to do a mission, as agents proposed them, and what people chose."
    tabs = (("Chosen", "status__exact=selected"), ("Proposed", "status__exact=proposed"),
            ("All", "view=all"))  # fmt: skip
    empty = "No play is chosen."
    empty_hint = "The planner proposes some: POST /api/v1/missions/{ref}/plays."
    list_display = ["title", "status", "of", "rank", "effort", "risk", "proposed_at"]
    phone_columns = ("status", "of")
    list_filter = ("status", "effort", "risk")
    list_select_related = ["mission"]
    search_fields = ["title", "key", "mission__ref", "mission__title"]
    facts = (
        *("status", "of", "rank", "key", "impact", "confidence", "effort", "risk", "rationale"),
        *("proposed_by", "proposed_at", "selected_by", "selected_at", "reason", "uid", "version"),
    )

    def heading(self, obj: Play) -> str:
        return obj.title


@admin.register(RiskEntry)
class RiskAdmin(_Part):
    list_name = "Risks"
    about = "What can go wrong with missions, and who sees to it."
    tabs = (("Standing", "gone=no"), ("All", "view=all"))
    empty = "No risk is written down."
    empty_hint = "Risks are written on a mission's plan."
    head_state = "state"
    list_display = ["title", "state", "of", "score", "reversibility", "owner"]
    phone_columns = ("state", "of")
    list_filter = (
        question("Standing", "gone", {"no": ("Standing", lambda rows: rows.standing())}),
        "reversibility",
    )
    list_select_related = ["mission", "owner"]
    search_fields = ["title", "mission__ref", "mission__title"]
    related = ("mission__workspace", "owner")
    head_owner = "owner"
    facts = (
        *("state", "of", "owner", "score", "likelihood", "impact", "reversibility", "mitigation"),
        *("created_by", "created_at", "uid", "version"),
    )

    def heading(self, obj: RiskEntry) -> str:
        return obj.title

    def page(self, obj: Any) -> str:
        return f"{links.plan_page(obj.mission)}#risks"

    @admin.display(description="State")
    def state(self, obj: RiskEntry) -> str:
        if obj.removed_at is not None:
            return "Removed"
        return "High" if obj.score >= 15 else "Medium" if obj.score >= 6 else "Low"

    @admin.display(description="Score")
    def score(self, obj: RiskEntry) -> int:
        return obj.score


@admin.register(DutyWindow)
class DutyWindowAdmin(_Part):
    list_name = "Duty windows"
    about = "Who of Operations Command watches over which mission, from when till when."
    tabs = (("Now and later", "when=now"), ("All", "view=all"))
    empty = "Nobody is to watch."
    empty_hint = "Duty windows are written on a mission's plan; the rota counts as well."
    head_state = "state"
    list_display = ["person", "state", "of", "starts_at", "ends_at"]
    phone_columns = ("state", "of")
    list_filter = (
        question("When", "when", {"now": ("Now and later", lambda rows: rows.ahead(clock.now()))}),
    )
    list_select_related = ["mission", "person"]
    search_fields = ["mission__ref", "mission__title", "person__name"]
    related = ("mission__workspace", "person")
    head_owner = "person"
    facts = ("state", "of", "person", "starts_at", "ends_at", "note", "by", "uid")

    def heading(self, obj: DutyWindow) -> str:
        return f"{obj.person.name} watches {obj.mission.ref}"

    def page(self, obj: Any) -> str:
        return f"{links.plan_page(obj.mission)}#duty"

    @admin.display(description="State")
    def state(self, obj: DutyWindow) -> str:
        if obj.cancelled_at is not None:
            return "Cancelled"
        now = clock.now()
        return "To come" if obj.starts_at > now else "In force" if obj.ends_at > now else "Over"


@admin.register(UndoPlan)
class UndoPlanAdmin(_Part):
    list_name = "Undo plans"
    about = "How what missions change is taken back."
    tabs = (("Ready", "status__exact=ready"), ("Draft", "status__exact=draft"),
            ("All", "view=all"))  # fmt: skip
    empty = "No undo plan is ready."
    empty_hint = "The planner writes one for each play."
    list_display = ["label", "status", "of", "window_minutes", "tested_at", "deadline_at"]
    phone_columns = ("status", "of")
    list_filter = ("status",)
    list_select_related = ["play__mission"]
    search_fields = ["label", "play__mission__ref", "play__mission__title"]
    related = ("play__mission__workspace",)
    head_clocks = ("deadline_at",)
    facts = (
        *("status", "of", "play", "window_minutes", "impact", "ready_at", "ready_by", "tested_at"),
        *("deadline_at", "closed_at", "closed_reason", "uid", "version"),
    )

    def heading(self, obj: UndoPlan) -> str:
        return obj.label

    def page(self, obj: Any) -> str:
        return f"{links.plan_page(obj.mission)}#undo"


@admin.register(UndoRun)
class UndoRunAdmin(_Part):
    list_name = "Undo runs"
    about = "Each time something was taken back, or practised."
    tabs = (("Under way", "open=yes"), ("Failed", "status__exact=failed"), ("All", "view=all"))
    empty = "Nothing is being taken back."
    empty_hint = "An undo is asked for on a mission's plan."
    list_display = ["what", "status", "of", "requested_at", "finished_at"]
    phone_columns = ("status", "of")
    list_filter = (
        question("Under way", "open", {"yes": ("Under way", lambda rows: rows.open())}),
        *("status", "drill"),
    )
    list_select_related = ["plan__play__mission"]
    search_fields = ["plan__label", "plan__play__mission__ref"]
    related = ("plan__play__mission__workspace",)
    facts = (
        *("status", "of", "drill", "late", "reason", "requested_by", "requested_at", "started_at"),
        *("finished_at", "reversed", "outcome", "item_key", "uid", "version"),
    )

    def mission(self, obj: Any) -> Mission:
        found: Mission = obj.plan.play.mission
        return found

    def page(self, obj: Any) -> str:
        return links.undo_run_page(obj)

    def heading(self, obj: UndoRun) -> str:
        return str(obj)

    @admin.display(description="What", ordering="plan__label")
    def what(self, obj: UndoRun) -> str:
        return str(obj)


@admin.register(Run)
class RunAdmin(_Part):
    list_name = "Runs"
    about = "Plays that agents carried out."
    tabs = (("Under way", "open=yes"), ("Aborted", "status__exact=aborted"), ("All", "view=all"))
    empty = "Nothing runs."
    empty_hint = "The executor begins a run: POST /api/v1/missions/{ref}/runs."
    list_display = ["external_id", "status", "of", "agent", "started_at", "took"]
    phone_columns = ("status", "of")
    list_filter = (
        question("Under way", "open", {"yes": ("Under way", lambda rows: rows.open())}),
        "status",
    )
    list_select_related = ["mission"]
    search_fields = ["external_id", "mission__ref", "mission__title"]
    related = ("mission__workspace", "play")
    facts = (
        *("status", "of", "play", "external_id", "agent", "queued_at", "started_at", "ended_at"),
        *("ended_by", "outcome", "uid", "version"),
    )

    def page(self, obj: Any) -> str:
        return links.run_page(obj)

    def heading(self, obj: Run) -> str:
        return str(obj)

    @admin.display(description="Took")
    def took(self, obj: Run) -> Any:
        return lasted(obj.started_at, obj.ended_at) if obj.started_at is not None else None


@admin.register(RunStep)
class RunStepAdmin(_Part):
    list_name = "Run steps"
    about = "What agents did, step by step, as they told it."
    tabs = (("Failed", "status__exact=failed"), ("All", "view=all"))
    empty = "No step failed."
    empty_hint = "Agents report: POST /api/v1/missions/{ref}/runs/{run}/steps."
    list_display = ["what", "status", "of", "toolkit", "latency_ms", "error_code", "reported_at"]
    phone_columns = ("status", "of")
    list_filter = ("status", "mutating")
    list_select_related = ["mission", "run__mission"]
    search_fields = ["external_id", "action", "mission__ref"]
    related = ("mission__workspace", "run__mission", "undo_step")
    audited = False  # the batch stands in the log, not each step
    facts = (
        *("status", "of", "what", "external_id", "toolkit", "agent", "mutating", "undo_step"),
        *("dispatched_at", "started_at", "ended_at", "latency_ms", "error_code", "reported_by"),
        *("reported_at", "uid"),
    )

    def page(self, obj: Any) -> str:
        return links.run_page(obj.run)

    def heading(self, obj: RunStep) -> str:
        return str(obj)

    @admin.display(description="Step", ordering="action")
    def what(self, obj: RunStep) -> str:
        return obj.action or obj.external_id
