"""Backups by API: what others report, what the portal measured."""

from __future__ import annotations

from typing import Any, cast

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.access.models import Workspace
from controlplane.backups import services
from controlplane.backups.models import BackupReport, RestoreDrill, Source
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest


class ReportRow(StrictSerializer):
    uid = serializers.UUIDField()
    origin = serializers.ChoiceField(source="source", choices=Source.choices)
    kind = serializers.CharField()
    tool = serializers.CharField()
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField()
    ok = serializers.BooleanField()
    error = serializers.CharField()
    size = serializers.IntegerField(allow_null=True)
    sha256 = serializers.CharField()
    location = serializers.CharField()
    reported_by = serializers.CharField()


class ReportNew(StrictSerializer):
    kind = serializers.RegexField(r"\A[a-z0-9][a-z0-9_-]{0,39}\Z", default="database")
    ok = serializers.BooleanField()
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField()
    tool = serializers.CharField(max_length=120, required=False, allow_blank=True)
    size = serializers.IntegerField(min_value=0, required=False, allow_null=True)
    sha256 = serializers.RegexField(r"\A(?:[0-9a-fA-F]{64})?\Z", required=False, allow_blank=True)
    location = serializers.CharField(max_length=300, required=False, allow_blank=True)
    error = serializers.CharField(max_length=1000, required=False, allow_blank=True)


class ReportFilter(PortalFilterSet):
    kind = django_filters.CharFilter(max_length=40)
    origin = django_filters.ChoiceFilter(field_name="source", choices=Source.choices)
    ok = BooleanFilter()


def _visible(request: PortalRequest) -> QuerySet[Any]:
    """A workspace's own reports, and the portal's, which hold every workspace."""
    here = cast(Workspace, request.workspace).pk
    return BackupReport.objects.visible_to(request.actor).filter(services.reports_of(here))


class ReportsView(ListView):
    """Backups, newest first; `POST` reports one made elsewhere, good or failed."""

    actions = {"GET": "backup.view", "POST": "backup.report"}
    output = ReportRow
    filterset = ReportFilter
    inputs = {"POST": ReportNew}
    outputs = {"POST": ReportRow}
    statuses = {"POST": 201}
    tags = ["backups"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _visible(request)

    def post(self, request: Any) -> HttpResponse:
        report = services.report_backup(
            request.workspace, actor=request.actor, **self.read(request)
        )
        return created(self.show(report), f"/api/v1/backups/reports/{report.uid}")


class ReportView(DetailView):
    """One backup."""

    actions = {"GET": "backup.view"}
    output = ReportRow
    tags = ["backups"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _visible(request)


class DrillRow(StrictSerializer):
    uid = serializers.UUIDField()
    started_at = serializers.DateTimeField()
    seconds = serializers.FloatField()
    ok = serializers.BooleanField()
    error = serializers.CharField()
    tables = serializers.IntegerField()
    rows = serializers.IntegerField()
    data_age_seconds = serializers.FloatField(allow_null=True)


class DrillsView(ListView):
    """Restore drills, newest first."""

    actions = {"GET": "backup.view"}
    in_workspace = False
    output = DrillRow
    tags = ["backups"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return RestoreDrill.objects.visible_to(request.actor)


class State(StrictSerializer):
    fresh = serializers.BooleanField()
    age_seconds = serializers.FloatField(allow_null=True)
    newest = serializers.UUIDField(allow_null=True)
    rpo_seconds = serializers.FloatField(allow_null=True)
    rpo_target = serializers.FloatField()
    rto_seconds = serializers.FloatField(allow_null=True)
    rto_target = serializers.FloatField()
    drilled_at = serializers.DateTimeField(allow_null=True)


class StateView(PortalAPIView):
    """How fresh the newest good backup is, and recovery as measured against its targets."""

    actions = {"GET": "backup.view"}
    outputs = {"GET": State}
    tags = ["backups"]

    def get(self, request: Any) -> HttpResponse:
        found, measured = services.freshness(request.workspace.pk), services.figures()
        return JsonAnswer(
            {
                "fresh": found.fresh,
                "age_seconds": found.age_seconds,
                "newest": found.newest.uid if found.newest else None,
                "rpo_seconds": measured.rpo_seconds,
                "rpo_target": measured.rpo_target,
                "rto_seconds": measured.rto_seconds,
                "rto_target": measured.rto_target,
                "drilled_at": measured.drilled_at,
            }
        )


urlpatterns = [
    path("v1/backups/reports", ReportsView.as_view()),
    path("v1/backups/reports/<uuid:uid>", ReportView.as_view()),
    path("v1/backups/drills", DrillsView.as_view()),
    path("v1/backups/state", StateView.as_view()),
]
