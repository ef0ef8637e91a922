"""Sessions with the Tool Router by API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.urls import path
from rest_framework import serializers

from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from telemetry.models import ToolSession


class SessionRow(StrictSerializer):
    uid = serializers.UUIDField()
    session = serializers.CharField(source="key")
    mission = serializers.CharField()
    agent = serializers.CharField()
    tokens = serializers.IntegerField(help_text="Of calls and heartbeats together.")
    call_tokens = serializers.IntegerField()
    calls = serializers.IntegerField()
    failed_calls = serializers.IntegerField(source="errors")
    failed = serializers.BooleanField(help_text="It could not be created.")
    created_at = serializers.DateTimeField(
        allow_null=True, help_text="As reported; without it only its use was."
    )
    creation_ms = serializers.FloatField(allow_null=True)
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    state_bytes = serializers.IntegerField(allow_null=True)


class SessionFilter(PortalFilterSet):
    mission = django_filters.CharFilter(max_length=64)
    agent = django_filters.CharFilter(max_length=64)
    session = django_filters.CharFilter("key", max_length=64)
    over_tokens = django_filters.NumberFilter("tokens", "gt", min_value=0, max_value=2**53)
    used_since = django_filters.IsoDateTimeFilter("last_at", "gte")


def _rows(request: PortalRequest) -> QuerySet[Any]:
    found: QuerySet[Any] = ToolSession.objects.visible_to(request.actor).filter(
        workspace=request.workspace
    )
    return found


class SessionsView(ListView):
    """Sessions with the Tool Router, one for each mission, agent and key: how long they took to
    create, what they called, how many tokens they used."""

    actions = {"GET": "telemetry.view"}
    output = SessionRow
    filterset = SessionFilter
    sorts = {"newest": ("-last_at", "-id"), "tokens": ("-tokens", "-id")}
    tags = ["telemetry"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rows(request)


class SessionView(DetailView):
    """One session."""

    actions = {"GET": "telemetry.view"}
    output = SessionRow
    tags = ["telemetry"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rows(request)


urlpatterns = [
    path("v1/telemetry/sessions", SessionsView.as_view()),
    path("v1/telemetry/sessions/<uuid:uid>", SessionView.as_view()),
]
