"""Audits, gaps and key figures by API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from telemetry import audits
from telemetry.audits import asking
from telemetry.kpis import Line, board
from telemetry.models import AuditRun, Gap


class RunRow(StrictSerializer):
    uid = serializers.UUIDField()
    mode = serializers.ChoiceField(choices=AuditRun.Mode.choices)
    result = serializers.ChoiceField(choices=AuditRun.Result.choices)
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField()
    events = serializers.IntegerField()
    expected_events = serializers.IntegerField(source="known")
    seen_events = serializers.IntegerField(source="seen")
    gaps = serializers.IntegerField()
    rules = serializers.JSONField()
    error = serializers.CharField()
    subject = serializers.CharField()
    signed_by = serializers.CharField()
    signed_at = serializers.DateTimeField(allow_null=True)
    note = serializers.CharField()


class RunNew(StrictSerializer):
    mode = serializers.ChoiceField(choices=AuditRun.Mode.choices, default="check")
    since = serializers.DateTimeField(required=False, allow_null=True)
    subject = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")


class RunFilter(PortalFilterSet):
    mode = django_filters.ChoiceFilter(choices=AuditRun.Mode.choices)
    result = django_filters.ChoiceFilter(choices=AuditRun.Result.choices)


def _runs(request: PortalRequest) -> QuerySet[Any]:
    rows: QuerySet[Any] = AuditRun.objects.visible_to(request.actor).filter(
        workspace=request.workspace
    )
    return rows


class RunsView(ListView):
    """Audits, newest first; `POST` runs one now."""

    actions = {"GET": "telemetry.view", "POST": "telemetry.audit"}
    output = RunRow
    filterset = RunFilter
    inputs = {"POST": RunNew}
    outputs = {"POST": RunRow}
    statuses = {"POST": 201}
    tags = ["telemetry"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _runs(request)

    def post(self, request: Any) -> HttpResponse:
        asked = self.read(request)
        asking.require_short(request.workspace, asked["mode"], asked.get("since"))
        run = audits.audit(request.workspace, actor=request.actor, **asked)
        return created(self.show(run), f"/api/v1/telemetry/audits/{run.uid}")


class RunView(DetailView):
    """One audit."""

    actions = {"GET": "telemetry.view"}
    output = RunRow
    tags = ["telemetry"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _runs(request)


class Signature(StrictSerializer):
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class SignView(DetailView):
    """The telemetry analyst has read it."""

    actions = {"POST": "telemetry.sign_audit"}
    inputs = {"POST": Signature}
    outputs = {"POST": RunRow}
    output = RunRow
    tags = ["telemetry"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _runs(request)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        run = self.object(request, {"uid": uid})
        run = audits.sign(run, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(run))


class GapRow(StrictSerializer):
    uid = serializers.UUIDField()
    rule = serializers.CharField()
    about = serializers.CharField()
    status = serializers.ChoiceField(choices=Gap.Status.choices)
    text = serializers.CharField()
    total = serializers.IntegerField()
    details = serializers.JSONField()
    item = serializers.CharField()
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)


class GapFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=Gap.Status.choices)
    rule = django_filters.CharFilter(max_length=4)


class GapsView(ListView):
    """What audits found, newest first. Open gaps keep the next deployment from starting."""

    actions = {"GET": "telemetry.view"}
    output = GapRow
    filterset = GapFilter
    tags = ["telemetry"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = Gap.objects.visible_to(request.actor).filter(
            workspace=request.workspace
        )
        return rows


class KpiRow(StrictSerializer):
    slug = serializers.CharField()
    title = serializers.CharField()
    unit = serializers.CharField()
    group = serializers.CharField()
    formula = serializers.CharField()
    target = serializers.FloatField(allow_null=True)
    better = serializers.CharField()
    state = serializers.CharField()
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    value = serializers.FloatField(allow_null=True)
    numerator = serializers.FloatField(allow_null=True)
    denominator = serializers.FloatField(allow_null=True)
    note = serializers.CharField()
    last = serializers.FloatField(allow_null=True)
    trend = serializers.ListField(child=serializers.FloatField(allow_null=True))


class Board(StrictSerializer):
    items = KpiRow(many=True)


class KpisView(PortalAPIView):
    """Every key figure: the period that runs, the last whole one, and twelve before."""

    actions = {"GET": "telemetry.view"}
    outputs = {"GET": Board}
    tags = ["telemetry"]

    def get(self, request: Any) -> HttpResponse:
        return JsonAnswer(
            {"items": [_line(line) for line in board(request.workspace, request.actor)]}
        )


def _line(line: Line) -> dict[str, Any]:
    kpi, now = line.kpi, line.now
    return {
        "slug": kpi.slug,
        "title": kpi.title,
        "unit": kpi.unit,
        "group": kpi.group,
        "formula": kpi.formula,
        "target": kpi.target,
        "better": kpi.better,
        "state": line.state,
        "start": line.period.start,
        "end": line.period.end,
        "value": now.value if now else None,
        "numerator": now.numerator if now else None,
        "denominator": now.denominator if now else None,
        "note": now.note if now else "",
        "last": line.last.value if line.last else None,
        "trend": list(line.trend),
    }


urlpatterns = [
    path("v1/telemetry/audits", RunsView.as_view()),
    path("v1/telemetry/audits/<uuid:uid>", RunView.as_view()),
    path("v1/telemetry/audits/<uuid:uid>/sign", SignView.as_view()),
    path("v1/telemetry/gaps", GapsView.as_view()),
    path("v1/telemetry/kpis", KpisView.as_view()),
]
