"""Meetings that are planned, and those that were held."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.questions import question
from controlplane.base.posting import workspace_for
from controlplane.base.web import actor_of
from controlplane.lib import clock
from missions import links, stages
from missions.admin.filters import just
from missions.learning import times
from missions.models import Cadence, Meeting, MeetingSeries
from missions.services import cadence

if TYPE_CHECKING:
    _Form = forms.ModelForm[MeetingSeries]
else:
    _Form = forms.ModelForm
DAYS = [(0, "Monday"), (1, "Tuesday"), (2, "Wednesday"), (3, "Thursday"), (4, "Friday")]


class SeriesForm(_Form):
    time_zone = forms.CharField(
        label="Time zone", max_length=64, required=False,
        help_text="As Europe/Berlin; nothing said: the workspace's own.",
    )  # fmt: skip
    at = forms.TimeField(label="At", widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}))
    weekday = forms.TypedChoiceField(
        label="On", choices=DAYS, coerce=int, required=False, empty_value=None,
        help_text="A stand-up is on every working day.",
    )  # fmt: skip

    class Meta:
        model = MeetingSeries
        fields = ("cadence", "time_zone", "at", "weekday")

    def _post_clean(self) -> None:
        """What the model would refuse the service refuses, beside the field."""


def _running(row: MeetingSeries) -> str:
    return "" if row.ended_at is None else "These meetings have ended."


@admin.register(MeetingSeries)
class SeriesAdmin(ModelAdmin[MeetingSeries]):
    list_name = "Planned meetings"
    view_action = "meeting.view"
    add_action = "meeting.schedule"
    change_action = "meeting.schedule"
    about = "When people meet about missions: at a time of day in a place, whatever its clocks do."
    tabs = (("Planned", "standing=on"), ("All", "view=all"))
    empty = "No meetings are planned."
    empty_hint = "The usual five are planned with one button on the page of meetings."
    list_display = ["what", "state", "time_zone", "when", "following"]
    phone_columns = ("state", "following")
    list_filter = (
        question("Standing", "standing", {"on": ("Planned", lambda rows: rows.running())}),
        "cadence",
    )
    form = SeriesForm
    add_fields = ("cadence", "time_zone", "at", "weekday")
    edit_fields = ("at", "weekday")
    head_state = "state"
    labels: ClassVar[Mapping[str, str]] = {"ended_at": "Ended", "ended_by": "Ended by"}
    facts = ("state", "what", "time_zone", "when", "following", "created_by", "created_at",
             "ended_at", "ended_by", "uid")  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("workspace")

    @admin.display(description="Meeting", ordering="cadence")
    def what(self, obj: MeetingSeries) -> str:
        return str(obj.get_cadence_display())

    @admin.display(description="State")
    def state(self, obj: MeetingSeries) -> str:
        return "Planned" if obj.ended_at is None else "Ended"

    @admin.display(description="When")
    def when(self, obj: MeetingSeries) -> str:
        day = "" if obj.cadence == "standup" else f", {DAYS[obj.weekday][1]}"
        return f"{obj.at:%H:%M}{day}"

    @admin.display(description="Next")
    def following(self, obj: MeetingSeries) -> Any:
        return times.next_after(obj, clock.now()) if obj.ended_at is None else None

    def service_save(
        self, request: HttpRequest, obj: MeetingSeries, form: forms.ModelForm[MeetingSeries],
        change: bool,
    ) -> MeetingSeries:  # fmt: skip
        given, actor = dict(form.cleaned_data), actor_of(request)
        if change:
            return cadence.move_meetings(obj, actor=actor, **given)
        where = workspace_for(request, "meeting.schedule")
        return cadence.plan_meetings(where, actor=actor, **given)

    @button(label="End", action="meeting.schedule", reason=True, quiet=True, when=_running,
            confirm="No more of these are held; what was noted stays.")  # fmt: skip
    def end(self, request: HttpRequest, obj: MeetingSeries, reason: str) -> str:
        cadence.end_meetings(obj, actor=actor_of(request), reason=reason)
        return "Ended."


@admin.register(Meeting)
class MeetingAdmin(ModelAdmin[Meeting]):
    list_name = "Meeting notes"
    view_action = "meeting.view"
    about = "What was on the agenda and what was noted, by stage."
    tabs = (("All", "view=all"), ("Open notes", "notes=open"), ("Not held", "notes=missed"))
    empty = "No meeting was held yet."
    empty_hint = "Begin one on the page of meetings."
    list_display = ["what", "state", "planned_at", "of_stages", "began_by"]
    phone_columns = ("state", "planned_at")
    list_filter = (
        question(
            "Open notes",
            "notes",
            {
                "open": ("Open notes", lambda rows: rows.open()),
                "missed": ("Not held", lambda rows: rows.missed()),
            },
        ),
        question(
            "Kind",
            "kind",
            {slug: (label, just(series__cadence=slug)) for slug, label in Cadence.choices},
        ),
    )
    list_select_related = ["series"]
    search_fields = ["notes", "decisions", "afterwards"]
    head_state = "state"
    labels: ClassVar[Mapping[str, str]] = {
        "planned_at": "Planned for", "began_at": "Begun", "closed_at": "Notes closed",
        "closed_by": "Closed by", "began_by": "Begun by", "of_stages": "Stages",
    }  # fmt: skip
    facts = ("state", "page", "planned_at", "began_at", "began_by", "attendees", "notes",
             "decisions", "afterwards", "afterwards_at", "of_stages", "closed_at", "closed_by",
             "uid")  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("series__workspace")

    @admin.display(description="Meeting")
    def what(self, obj: Meeting) -> str:
        return str(obj)

    @admin.display(description="Page")
    def page(self, obj: Meeting) -> SafeString:
        return format_html('<a href="{}">Agenda and notes</a>', links.meeting_page(obj))

    @admin.display(description="State")
    def state(self, obj: Meeting) -> str:
        if obj.missed_at is not None:
            return "Not held"
        return "Open" if obj.closed_at is None else "Closed"

    @admin.display(description="Stages")
    def of_stages(self, obj: Meeting) -> str:
        return ", ".join(stages.get(each).label for each in obj.stages)
