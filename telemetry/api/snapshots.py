"""Health snapshots and the ingestion rate by API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.access import policy
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from controlplane.lib import clock
from telemetry import snapshots
from telemetry.models import HealthSnapshot
from telemetry.querysets import INSTALLATION

HERE = "v1/telemetry/snapshots"


class SnapshotLine(StrictSerializer):
    uid = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=HealthSnapshot.Kind.choices)
    state = serializers.ChoiceField(choices=HealthSnapshot.State.choices)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    taken_at = serializers.DateTimeField()
    taken_by = serializers.CharField()
    subject = serializers.CharField()
    note = serializers.CharField()


class SnapshotRow(SnapshotLine):
    """With its figures. Those of the installation are left out for who may not see it."""

    workspace = serializers.CharField(source="workspace.slug")
    figures = serializers.ListField(child=serializers.DictField())
    notices = serializers.ListField(child=serializers.CharField())


class SnapshotNew(StrictSerializer):
    start = serializers.DateTimeField(required=False)
    end = serializers.DateTimeField(required=False)
    subject = serializers.CharField(max_length=120, required=False)
    note = serializers.CharField(max_length=500, required=False)


class SnapshotFilter(PortalFilterSet):
    kind = django_filters.ChoiceFilter(choices=HealthSnapshot.Kind.choices)
    state = django_filters.ChoiceFilter(choices=HealthSnapshot.State.choices)
    subject = django_filters.CharFilter(max_length=120)


def _rows(request: PortalRequest) -> QuerySet[Any]:
    found: QuerySet[Any] = HealthSnapshot.objects.visible_to(request.actor).filter(
        workspace=request.workspace
    )
    return found


class SnapshotsView(ListView):
    """Health snapshots, newest first; `POST` takes one: of the last 24 hours, or of a range.
    `subject` is the ref of the record it is for."""

    actions = {"GET": "telemetry.view", "POST": "telemetry.snapshot"}
    output = SnapshotLine
    filterset = SnapshotFilter
    inputs = {"POST": SnapshotNew}
    outputs = {"POST": SnapshotLine}
    statuses = {"POST": 201}
    tags = ["telemetry"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rows(request).defer("figures", "notices")

    def post(self, request: Any) -> HttpResponse:
        snapshot = snapshots.take(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(snapshot), f"/api/{HERE}/{snapshot.uid}")


class SnapshotView(DetailView):
    """One snapshot with its figures."""

    actions = {"GET": "telemetry.view"}
    output = SnapshotRow
    tags = ["telemetry"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rows(request).select_related("workspace")

    def get(self, request: Any, uid: UUID) -> HttpResponse:
        snapshot = self.object(request, {"uid": uid})
        return JsonAnswer(
            snapshots.as_data(snapshot, installation=bool(policy.can(request.actor, INSTALLATION)))
        )


class MarkdownText(StrictSerializer):
    filename = serializers.CharField()
    markdown = serializers.CharField()


class SnapshotMarkdownView(DetailView):
    """One snapshot as Markdown, for an issue or a review's page."""

    actions = {"GET": "telemetry.view"}
    output = MarkdownText
    outputs = {"GET": MarkdownText}
    tags = ["telemetry"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rows(request).select_related("workspace")

    def get(self, request: Any, uid: UUID) -> HttpResponse:
        snapshot = self.object(request, {"uid": uid})
        sees = bool(policy.can(request.actor, INSTALLATION))
        return JsonAnswer(
            {
                "filename": snapshots.filename(snapshot, "md"),
                "markdown": snapshots.as_markdown(snapshot, installation=sees),
            }
        )


class RateRow(StrictSerializer):
    at = serializers.DateTimeField()
    minutes = serializers.FloatField()
    per_minute = serializers.FloatField()
    usual = serializers.FloatField(allow_null=True)
    weeks = serializers.IntegerField()
    ratio = serializers.FloatField(allow_null=True)
    verdict = serializers.ChoiceField(choices=["ok", "deviation", "insufficient_baseline"])


class RateView(PortalAPIView):
    """Events per minute of the last hour beside the same weekday's hour of the weeks before."""

    actions = {"GET": "telemetry.view"}
    outputs = {"GET": RateRow}
    tags = ["telemetry"]

    def get(self, request: Any) -> HttpResponse:
        return JsonAnswer(snapshots.ingestion_rate(request.workspace.pk, clock.now()).as_data())


urlpatterns = [
    path(HERE, SnapshotsView.as_view()),
    path(f"{HERE}/<uuid:uid>", SnapshotView.as_view()),
    path(f"{HERE}/<uuid:uid>/markdown", SnapshotMarkdownView.as_view()),
    path("v1/telemetry/ingestion-rate", RateView.as_view()),
]
