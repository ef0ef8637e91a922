"""Schedules and their rotations."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import OptionalReason
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.oncall import services
from controlplane.oncall.api import forms, shapes
from controlplane.oncall.models import Schedule
from controlplane.oncall.services.layers import current

TAGS = ["on-call"]
VIEW, MANAGE = "oncall.view", "oncall.manage"


def schedules(request: PortalRequest) -> QuerySet[Any]:
    rows: QuerySet[Any] = Schedule.objects.visible_to(request.actor).of(request.workspace)
    return rows


class ScheduleFilter(PortalFilterSet):
    is_active = BooleanFilter(field_name="retired_at", lookup_expr="isnull", label="In use.")


class SchedulesView(ListView):
    """On-call schedules

    `POST` makes one, without rotations yet.
    """

    actions = {"GET": VIEW, "POST": MANAGE}
    output = forms.ScheduleRow
    inputs = {"POST": forms.ScheduleNew}
    outputs = {"POST": forms.ScheduleRow}
    filterset = ScheduleFilter
    sorts = {"title": ("title", "id"), "newest": ("-id",)}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return schedules(request)

    def post(self, request: Any) -> HttpResponse:
        made = services.define_schedule(
            request.workspace, actor=request.actor, **self.read(request)
        )
        return created(self.show(made), f"{request.path}/{made.slug}")


class ScheduleView(DetailView):
    """One schedule."""

    actions = {"GET": VIEW, "PATCH": MANAGE}
    output = forms.ScheduleRow
    inputs = {"PATCH": forms.ScheduleChange}
    outputs = {"PATCH": forms.ScheduleRow}
    lookup = "slug"
    version = ("version",)
    if_match = {"PATCH": "optional"}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return schedules(request)

    def patch(self, request: Any, slug: str) -> HttpResponse:
        row = self.object(request, {"slug": slug})
        changed = services.change_schedule(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(changed))


class RetireView(ScheduleView):
    """Take a schedule out of use, for good. Who was on duty by it stays known."""

    actions = {"POST": MANAGE}
    inputs = {"POST": forms.ReasonForm}
    outputs = {"POST": forms.ScheduleRow}
    if_match = {"POST": "optional"}

    def post(self, request: Any, slug: str) -> HttpResponse:
        row = self.object(request, {"slug": slug})
        done = services.retire_schedule(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


class LayersView(DetailView):
    """The rotations of a schedule, in effect and to come, the highest first."""

    actions = {"GET": VIEW}
    output = forms.LayerRows
    outputs = {"GET": forms.LayerRows}
    lookup = "slug"
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return schedules(request)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        schedule = self.object(request, kwargs)
        return JsonAnswer({"items": [shapes.layer(one) for one in current(schedule)]})


class LayerView(LayersView):
    """Set or end a rotation

    `PUT` puts one at this position in place of the one that is there, from now on or from the day
    it starts on. `DELETE` ends it now. What was before stays as it was.
    """

    actions = {"PUT": MANAGE, "DELETE": MANAGE}
    inputs = {"PUT": forms.LayerForm, "DELETE": OptionalReason}
    outputs = {"PUT": forms.LayerRow, "DELETE": forms.LayerRows}
    errors = (409,)

    def put(self, request: Any, slug: str, position: int) -> HttpResponse:
        schedule = self.object(request, {"slug": slug})
        made = services.set_layer(schedule, position, actor=request.actor, **self.read(request))
        return JsonAnswer(shapes.layer(made))

    def delete(self, request: Any, slug: str, position: int) -> HttpResponse:
        schedule = self.object(request, {"slug": slug})
        services.drop_layer(schedule, position, actor=request.actor, **self.read(request))
        return JsonAnswer({"items": [shapes.layer(one) for one in current(schedule)]})
