"""What is learnt from missions: feedback, retrospectives, what follows, the training backlog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.access.models import User
from controlplane.access.role_table import ROLES, role_label
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.questions import question
from controlplane.base.posting import workspace_for
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from missions import links
from missions.admin.filters import just
from missions.admin.forms import PersonField
from missions.models import Feedback, FollowUp, Mission, Retrospective, TrainingItem
from missions.services import followups, training
from missions.web.people import people_in

if TYPE_CHECKING:
    _Form = forms.ModelForm[TrainingItem]
else:
    _Form = forms.ModelForm


def _of(mission: Mission, url: str = "") -> SafeString:
    return format_html('<a href="{}">{}</a>', url or links.page_of(mission), mission)


@admin.register(Feedback)
class FeedbackAdmin(ModelAdmin[Feedback]):
    list_name = "Feedback"
    view_action = "mission.view"
    about = "What people say about missions. Each is asked once, and reminded once."
    tabs = (
        ("Given", "status__exact=given"),
        ("Asked", "status__exact=asked"),
        ("Declined", "status__exact=declined"),
        ("All", "view=all"),
    )
    empty = "Nobody said anything yet."
    empty_hint = "People are asked when a mission comes to Reflect & Improve."
    list_display = ["what", "status", "rating", "saved", "person", "answered_at"]
    phone_columns = ("status", "rating")
    list_filter = (
        "status",
        question(
            "Rating",
            "rating",
            {str(each): (f"{each} of 5", just(rating=each)) for each in range(5, 0, -1)},
        ),
    )
    list_select_related = ["mission", "person"]
    search_fields = ["mission__ref", "mission__title", "text"]
    head_state = "status"
    audited = False  # what is said is told of its mission
    labels: ClassVar[Mapping[str, str]] = {
        "declined_reason": "Declined because", "text": "In their words", "saved": "Effort saved",
        "asked_at": "Asked", "answered_at": "Answered", "reminded_at": "Reminded",
        "asked_by": "Asked by",
    }  # fmt: skip
    facts = (
        *("status", "of_mission", "person", "rating", "satisfaction", "saved", "blockers", "text"),
        *("declined_reason", "asked_at", "asked_by", "reminded_at", "answered_at", "uid"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("mission__workspace", "person")

    def heading(self, obj: Feedback) -> str:
        return f"Feedback on {obj.mission.title}"

    @admin.display(description="Mission", ordering="mission")
    def what(self, obj: Feedback) -> str:
        return str(obj.mission)

    @admin.display(description="Mission")
    def of_mission(self, obj: Feedback) -> SafeString:
        return _of(obj.mission, links.feedback_of(obj.mission))

    @admin.display(description="Effort saved", ordering="effort_saved_minutes")
    def saved(self, obj: Feedback) -> str:
        hours = obj.effort_saved_hours
        return "" if hours is None else f"{hours:g} h"


@admin.register(Retrospective)
class RetrospectiveAdmin(ModelAdmin[Retrospective]):
    list_name = "Retrospectives"
    view_action = "mission.view"
    about = "What was learnt, mission by mission, and what of it can be used again."
    tabs = (("All", "view=all"), ("To make assets of", "made=no"))
    empty = "No retrospective yet."
    empty_hint = "It is written in Reflect & Improve, on the mission's page."
    list_display = ["what", "state", "reuse", "written_at", "reuse_by"]
    phone_columns = ("state", "reuse")
    list_filter = (
        question(
            "To make assets of",
            "made",
            {
                "no": (
                    "To make assets of",
                    lambda rows: rows.filter(
                        reuse__in=["reusable", "adapt"], visit__mission__assets__isnull=True
                    ),
                )
            },
        ),
        "reuse",
    )
    list_select_related = ["visit__mission"]
    search_fields = ["visit__mission__ref", "visit__mission__title", "summary"]
    head_state = "state"
    audited = False  # what is written is told of its mission
    labels: ClassVar[Mapping[str, str]] = {
        "kpi_actual": "The KPI in the end", "kpi_note": "About the KPI", "reuse": "To use again",
        "reuse_reason": "Because", "reuse_by": "Said by", "training_note": "To learn",
        "written_at": "Written", "went_well": "Went well", "to_improve": "To improve",
    }  # fmt: skip
    facts = (
        *("state", "of_mission", "summary", "went_well", "to_improve", "kpi_actual", "kpi_note"),
        *("reuse", "reuse_reason", "reuse_by", "training_note", "written_at", "uid"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("visit__mission__workspace")

    def heading(self, obj: Retrospective) -> str:
        return f"Retrospective of {obj.mission.title}"

    @admin.display(description="Mission")
    def what(self, obj: Retrospective) -> str:
        return f"{obj.mission}, attempt {obj.visit.attempt}"

    @admin.display(description="Mission")
    def of_mission(self, obj: Retrospective) -> SafeString:
        return _of(obj.mission, links.retrospective_of(obj.mission))

    @admin.display(description="State")
    def state(self, obj: Retrospective) -> str:
        if obj.visit.outcome == "completed":
            return "Signed"
        if not obj.visit.is_open:
            return "Abandoned"
        return "Written" if obj.written_at is not None else "Begun"


@admin.register(FollowUp)
class FollowUpAdmin(ModelAdmin[FollowUp]):
    list_name = "Follow-ups"
    view_action = "mission.view"
    about = "What was taken on after retrospectives and meetings. The work itself is its item."
    tabs = (("Open", "standing=open"), ("All", "view=all"))
    empty = "Nothing is to follow."
    empty_hint = "They are noted in a retrospective or a meeting."
    list_display = ["title", "state", "owner", "due_on", "item"]
    phone_columns = ("state", "due_on")
    list_filter = (question("Standing", "standing", {"open": ("Open", lambda rows: rows.open())}),)
    list_select_related = ["owner", "item", "workspace"]
    search_fields = ["title"]
    head_state = "state"
    head_owner = "owner"
    labels: ClassVar[Mapping[str, str]] = {
        "dropped_reason": "Dropped because", "due_on": "Until", "item": "Work item",
    }  # fmt: skip
    facts = (
        *("state", "owner", "due_on", "item", "origin", "created_by", "created_at"),
        *("dropped_by", "dropped_at", "dropped_reason", "uid"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        related = ("retrospective__visit__mission__workspace", "meeting__series__workspace",
                   "item__project", "owner", "workspace")  # fmt: skip
        return super().get_queryset(request).select_related(*related)

    @admin.display(description="State")
    def state(self, obj: FollowUp) -> str:
        if obj.dropped_at is not None:
            return "Dropped"
        if obj.item is None:
            return "Without item"
        if obj.item.category == "done":
            return "Done"
        return "Late" if obj.due_on < clock.now().date() else "Open"

    @admin.display(description="From")
    def origin(self, obj: FollowUp) -> SafeString | str:
        if obj.retrospective is not None:
            mission = obj.retrospective.mission
            return _of(mission, links.retrospective_of(mission))
        if obj.meeting is not None:
            return format_html('<a href="{}">{}</a>', links.meeting_page(obj.meeting), obj.meeting)
        return ""

    @button(
        label="Drop",
        action="mission.retrospective",
        reason=True,
        confirm="Its work item is closed with it.",
        when=lambda row: "It is dropped." if row.dropped_at is not None else "",
        quiet=True,
    )
    def drop(self, request: HttpRequest, obj: FollowUp, reason: str) -> str:
        followups.drop_followup(obj, actor=actor_of(request), reason=reason)
        return "Dropped."


# --- Training -----------------------------------------------------------------------------------


class TrainingForm(_Form):
    role = forms.ChoiceField(
        label="Who learns it", choices=[(slug, label) for slug, (label, _) in ROLES.items()]
    )
    owner = PersonField(
        queryset=User.objects.none(), required=False, label="Who sees to it",
        help_text="Before it begins somebody does, until a day.",
    )  # fmt: skip

    class Meta:
        model = TrainingItem
        fields = ("title", "role", "detail", "mission", "owner", "due_on")

    def _post_clean(self) -> None:
        """What the model would refuse the service refuses, beside the field."""


def _in(*statuses: str) -> Callable[[TrainingItem], str]:
    def when(row: TrainingItem) -> str:
        return "" if row.status in statuses else f"It is {row.get_status_display().lower()}."

    return when


def _startable(row: TrainingItem) -> str:
    elsewhere = _in("open")(row)
    if elsewhere:
        return elsewhere
    return "" if row.owner_id and row.due_on else "Name who sees to it, and until when."


@admin.register(TrainingItem)
class TrainingAdmin(ModelAdmin[TrainingItem]):
    list_name = "Training backlog"
    view_action = "mission.view"
    add_action = "mission.training"
    change_action = "mission.training"
    in_palette = True
    about = "What people and agents should learn, from retrospectives and from what went wrong."
    tabs = (
        ("Open", "standing=open"),
        ("Late", "standing=late"),
        ("Done", "status__exact=done"),
        ("All", "view=all"),
    )
    empty = "Nothing is to learn."
    empty_hint = "Curators add to it in a mission's retrospective; so can you."
    list_display = ["title", "status", "learner", "owner", "due_on", "mission"]
    phone_columns = ("status", "due_on")
    list_filter = (
        question(
            "Standing",
            "standing",
            {
                "open": ("Open", lambda rows: rows.open()),
                "late": ("Late", lambda rows: rows.open().filter(due_on__lt=clock.now().date())),
            },
        ),
        "status",
        question(
            "Who learns it",
            "role",
            {slug: (label, just(role=slug)) for slug, (label, _) in ROLES.items()},
        ),
    )
    list_select_related = ["owner", "mission"]
    search_fields = ["title", "detail", "mission__ref"]
    form = TrainingForm
    add_fields = ("title", "role", "detail", "mission", "owner", "due_on")
    edit_fields = ("title", "role", "detail", "owner", "due_on")
    head_state = "status"
    head_owner = "owner"
    head_clocks = ("due_on",)
    labels: ClassVar[Mapping[str, str]] = {
        "due_on": "Until", "mission": "From the mission", "closed_at": "Closed",
        "learner": "Who learns it", "role": "Who learns it",
    }  # fmt: skip
    facts = (
        *("status", "learner", "detail", "mission", "owner", "due_on", "reason", "created_by"),
        *("created_at", "closed_at", "uid"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        related = ("workspace", "owner", "mission__workspace")
        return super().get_queryset(request).select_related(*related)

    @admin.display(description="Who learns it", ordering="role")
    def learner(self, obj: TrainingItem) -> str:
        return role_label(obj.role)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kw: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, change, **kw)
        where = obj.workspace if obj is not None else workspace_of(request)
        if where is None and change is False:
            where = workspace_for(request, "mission.training")
        if "owner" in form.base_fields:
            form.base_fields["owner"].queryset = people_in(where)
        if "mission" in form.base_fields:
            rows = Mission.objects.visible_to(actor_of(request)).of(where)
            newest = rows.exclude(status="draft").order_by("-pk").values("pk")[:200]
            form.base_fields["mission"].queryset = rows.filter(pk__in=newest)
            form.base_fields["mission"].required = False
        return form

    def service_save(
        self, request: HttpRequest, obj: TrainingItem, form: forms.ModelForm[TrainingItem],
        change: bool,
    ) -> TrainingItem:  # fmt: skip
        given, actor = dict(form.cleaned_data), actor_of(request)
        if change:
            return training.change_training(obj, actor=actor, **given)
        where = workspace_for(request, "mission.training")
        return training.add_training(where, actor=actor, **given)

    @button(label="Begin", action="mission.training", when=_startable)
    def begin(self, request: HttpRequest, obj: TrainingItem, reason: str) -> str:
        training.move_training(obj, "in_progress", actor=actor_of(request))
        return "Begun."

    @button(label="Done", action="mission.training", when=_in("open", "in_progress"))
    def done(self, request: HttpRequest, obj: TrainingItem, reason: str) -> str:
        training.move_training(obj, "done", actor=actor_of(request))
        return "Done."

    @button(label="Drop", action="mission.training", reason=True, quiet=True,
            when=_in("open", "in_progress"))  # fmt: skip
    def drop(self, request: HttpRequest, obj: TrainingItem, reason: str) -> str:
        training.move_training(obj, "dropped", actor=actor_of(request), reason=reason)
        return "Dropped."

    @button(label="Open again", action="mission.training", reason=True, quiet=True,
            when=_in("done", "dropped", "in_progress"))  # fmt: skip
    def reopen(self, request: HttpRequest, obj: TrainingItem, reason: str) -> str:
        training.move_training(obj, "open", actor=actor_of(request), reason=reason)
        return "Open again."
