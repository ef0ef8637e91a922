"""Meetings: planned, begun, noted, closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import django_filters
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet, PresenceFilter
from controlplane.base.api.serializers import NoInput
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from missions import stages
from missions.api.learning import examples, forms, shapes
from missions.api.learning.missions import person_of
from missions.models import Cadence, Meeting, MeetingSeries
from missions.services import cadence, followups, unheld

VIEW, HOLD, PLAN = "meeting.view", "meeting.hold", "meeting.schedule"


class SeriesFilter(PortalFilterSet):
    cadence = django_filters.ChoiceFilter(choices=Cadence.choices)


class _Series:
    tags: ClassVar[Sequence[str]] = forms.MEETINGS

    def rows(self, request: PortalRequest) -> Any:
        rows = MeetingSeries.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("workspace")


class SeriesListView(_Series, ListView):
    """When people meet."""

    actions = {"GET": VIEW, "POST": PLAN}
    output = forms.SeriesRow
    inputs = {"POST": forms.SeriesNew}
    outputs = {"POST": forms.SeriesRow}
    filterset = SeriesFilter
    examples = {"POST": examples.SERIES}
    errors = (409,)

    def post(self, request: Any) -> HttpResponse:
        """Plan meetings of one kind in one time zone"""
        made = cadence.plan_meetings(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(made), f"{request.path}/{made.uid}")


class BeginView(_Series, DetailView):
    """A meeting that begins."""

    actions = {"POST": HOLD}
    output = forms.SeriesRow
    inputs = {"POST": NoInput}
    outputs = {"POST": forms.MeetingWhole}
    statuses = {"POST": 200}
    errors = (409,)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        """Begin the nearest, with an agenda of what stands now; begun already, it is that one"""
        row = self.object(request, {"uid": uid})
        self.read(request)
        return JsonAnswer(shapes.meeting(cadence.begin_meeting(row, actor=request.actor)))


class EndView(_Series, DetailView):
    """Meetings that are held no more."""

    actions = {"POST": PLAN}
    output = forms.SeriesRow
    inputs = {"POST": forms.WhyGiven}
    outputs = {"POST": forms.SeriesRow}
    statuses = {"POST": 200}
    errors = (409,)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        """End them; what was held stays to be read"""
        row = self.object(request, {"uid": uid})
        done = cadence.end_meetings(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


class MeetingFilter(PortalFilterSet):
    cadence = django_filters.ChoiceFilter(field_name="series__cadence", choices=Cadence.choices)
    stage = django_filters.CharFilter(method="about_stage", max_length=60)
    open = BooleanFilter(field_name="closed_at", lookup_expr="isnull")
    missed = PresenceFilter(field_name="missed_at")

    def about_stage(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(stages__contains=[stages.normal(value)])


class _Meetings:
    tags: ClassVar[Sequence[str]] = forms.MEETINGS

    def rows(self, request: PortalRequest) -> Any:
        rows = Meeting.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("series__workspace")


class MeetingsView(_Meetings, ListView):
    """Meetings that were held or missed, the newest first."""

    actions = {"GET": VIEW}
    output = forms.MeetingRow
    filterset = MeetingFilter


class MeetingView(_Meetings, DetailView):
    """One meeting: its agenda, its notes, what follows."""

    actions = {"GET": VIEW, "PATCH": HOLD}
    output = forms.MeetingRow
    inputs = {"PATCH": forms.Notes}
    outputs = {"GET": forms.MeetingWhole, "PATCH": forms.MeetingWhole}
    examples = {"PATCH": examples.NOTES}
    errors = (409,)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """One meeting, with the agenda as it stood when it began"""
        return JsonAnswer(shapes.meeting(self.object(request, kwargs)))

    def patch(self, request: Any, uid: Any) -> HttpResponse:
        """Write in the notes while they are open; what is left out stays"""
        row = self.object(request, {"uid": uid})
        done = cadence.write_notes(row, actor=request.actor, **self.read(request))
        return JsonAnswer(shapes.meeting(done))


class CloseView(_Meetings, DetailView):
    """The notes of a meeting, closed."""

    actions = {"POST": HOLD}
    output = forms.MeetingRow
    inputs = {"POST": forms.Notes}
    outputs = {"POST": forms.MeetingWhole}
    statuses = {"POST": 200}
    examples = {"POST": examples.NOTES}
    errors = (409,)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        """Close them, with last words if there are some: they stay as they are"""
        row = self.object(request, {"uid": uid})
        done = cadence.close_meeting(row, actor=request.actor, **self.read(request))
        return JsonAnswer(shapes.meeting(done))


class AfterwardsView(_Meetings, DetailView):
    """What is said of a meeting that was not held."""

    actions = {"POST": HOLD}
    output = forms.MeetingRow
    inputs = {"POST": forms.Afterwards}
    outputs = {"POST": forms.MeetingWhole}
    statuses = {"POST": 200}
    errors = (409,)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        """Say why it was not held, or what was agreed all the same: once, and it stays"""
        row = self.object(request, {"uid": uid})
        done = unheld.say_afterwards(row, actor=request.actor, **self.read(request))
        return JsonAnswer(shapes.meeting(done))


class FollowView(_Meetings, DetailView):
    """What follows a meeting."""

    actions = {"POST": HOLD}
    output = forms.MeetingRow
    inputs = {"POST": forms.FollowUpNew}
    outputs = {"POST": forms.FollowUpRow}
    statuses = {"POST": 200}
    examples = {"POST": examples.FOLLOWUP}
    errors = (409,)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        """Note what is to be done, by whom, until when: it becomes a work item"""
        row = self.object(request, {"uid": uid})
        given = self.read(request)
        given["owner"] = person_of(request.workspace, "owner", given["owner"])
        made = followups.add_meeting_followup(row, actor=request.actor, **given)
        return JsonAnswer(shapes.followup(made))
