"""Shifts that people take or hand over."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import OptionalReason
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.lib.errors import Invalid
from controlplane.oncall import services
from controlplane.oncall.api import forms, shapes
from controlplane.oncall.api.schedules import MANAGE, TAGS, VIEW, schedules
from controlplane.oncall.models import Override


class OverrideFilter(PortalFilterSet):
    current = BooleanFilter(method="now", label="Those that count now or later.")

    def now(self, queryset: Any, name: str, value: bool) -> Any:
        rows = Override.objects.current_or_to_come().values("pk")
        return queryset.filter(pk__in=rows) if value else queryset.exclude(pk__in=rows)


class OverridesView(ListView):
    """Swaps of shifts

    `POST` puts somebody on duty for a time, whatever the rotations say.
    """

    # A person's own swaps are made in the console; a key manages schedules or changes nothing.
    actions = {"GET": VIEW, "POST": MANAGE}
    output = forms.OverrideRow
    extra_columns = shapes.OVERRIDE_COLUMNS
    inputs = {"POST": forms.OverrideNew}
    outputs = {"POST": forms.OverrideRow}
    filterset = OverrideFilter
    sorts = {"newest": ("-id",), "starts": ("starts", "id")}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = Override.objects.visible_to(request.actor).of(request.workspace)
        return rows

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return shapes.override(row)

    def post(self, request: Any) -> HttpResponse:
        given = self.read(request)
        schedule = schedules(request).filter(slug=given.pop("schedule")).first()
        if schedule is None:
            raise Invalid("No such schedule here.", details={"schedule": "Not here."})
        made = services.override(schedule, actor=request.actor, **given)
        return created(self.show(made), f"{request.path}/{made.uid}")


class OverrideEndView(DetailView):
    """Take a swap back. What was served of it stays served."""

    actions = {"POST": MANAGE}
    output = forms.OverrideRow
    extra_columns = shapes.OVERRIDE_COLUMNS
    inputs = {"POST": OptionalReason}
    outputs = {"POST": forms.OverrideRow}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = Override.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("person", "schedule")

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return shapes.override(row)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        ended = services.end_override(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(ended))
