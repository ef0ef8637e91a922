"""Drills over the API: begun, looked at while they run, ended and scored."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from incidents.models import Drill
from incidents.paging import drilling
from incidents.paging.api import forms

VIEW, DRILL = "paging.view", "paging.drill"


def _drills(request: PortalRequest) -> QuerySet[Any]:
    here: Any = request.workspace
    rows: QuerySet[Any] = Drill.objects.visible_to(request.actor).filter(
        workspace=here, kind=Drill.Kind.PAGING
    )
    return rows.select_related("incident")


class DrillFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=Drill.Status.choices)


class PagingDrillsView(ListView):
    """Calls for practice, and what they were worth."""

    actions = {"GET": VIEW, "POST": DRILL}
    output = forms.DrillRow
    inputs = {"POST": forms.DrillNew}
    outputs = {"POST": forms.DrillWhole}
    filterset = DrillFilter
    sorts = {"newest": ("-id",)}
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _drills(request)

    def post(self, request: Any) -> HttpResponse:
        """Begin one: whoever is on duty is really called, and told that it is a drill"""
        values = self.read(request)
        row = drilling.begin_drill(
            request.workspace, actor=request.actor, severity=values["severity"],
            policy_slug=values["policy"], title=values["title"], reason=values["reason"],
        )  # fmt: skip
        return created(_whole(request, row), f"{request.path}/{row.uid}")


def _measured(row: Drill) -> Drill:
    """As far as it went, while it runs."""
    if row.status == Drill.Status.RUNNING and row.incident is not None:
        row.seen = drilling.measure(row, row.incident)
    row.seen = row.seen or None
    return row


def _whole(request: PortalRequest, row: Drill) -> Any:
    return forms.DrillWhole(_measured(_drills(request).get(pk=row.pk))).data


class PagingDrillView(DetailView):
    """One drill: what was to happen by when, what did, and its score."""

    actions = {"GET": VIEW}
    output = forms.DrillWhole
    outputs = {"GET": forms.DrillWhole}
    lookup = "uid"
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _drills(request)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        return JsonAnswer(_whole(request, self.object(request, kwargs)))


class PagingDrillEndView(PagingDrillView):
    """End a drill and score it."""

    actions = {"POST": DRILL}
    inputs = {"POST": forms.DrillReason}
    outputs = {"POST": forms.DrillWhole}
    errors = (409,)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        """Its incident is put away, and what was done is scored"""
        row = self.object(request, {"uid": uid})
        done = drilling.end_drill(row, actor=request.actor, **self.read(request))
        return JsonAnswer(_whole(request, done))


class PagingDrillCancelView(PagingDrillEndView):
    """Break a drill off."""

    def post(self, request: Any, uid: Any) -> HttpResponse:
        """Nothing is scored"""
        row = self.object(request, {"uid": uid})
        done = drilling.cancel_drill(row, actor=request.actor, **self.read(request))
        return JsonAnswer(_whole(request, done))
