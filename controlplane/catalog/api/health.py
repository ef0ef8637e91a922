"""Probes, what they saw, and uptime."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer, read
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.catalog import services, uptime
from controlplane.catalog.api.entries import service_named
from controlplane.catalog.models import DownInterval, Environment, Probe, ProbeResult, Service
from controlplane.lib import clock
from controlplane.lib.errors import Invalid

WINDOW = timedelta(days=30)
LONGEST_WINDOW = timedelta(days=366)
FIRST_YEAR = 2000  # earlier there is nothing, and the calendar's own beginning is near


class ProbeRow(StrictSerializer):
    uid = serializers.UUIDField()
    service = serializers.CharField(source="service.slug")
    environment = serializers.CharField(source="environment.slug")
    pushed = serializers.BooleanField()
    url = serializers.CharField()
    expected_status = serializers.IntegerField()
    every_s = serializers.IntegerField()
    timeout_s = serializers.IntegerField()
    down_after = serializers.IntegerField()
    is_active = serializers.BooleanField()
    health = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    failures_in_a_row = serializers.IntegerField()
    last_at = serializers.DateTimeField(allow_null=True)
    last_latency_ms = serializers.IntegerField(allow_null=True)
    last_error = serializers.CharField()
    version = serializers.IntegerField()


class _ProbeFields(StrictSerializer):
    url = serializers.CharField(max_length=500, required=False)
    expected_status = serializers.IntegerField(min_value=100, max_value=599, required=False)
    every_s = serializers.IntegerField(min_value=30, max_value=86_400, required=False)
    timeout_s = serializers.IntegerField(min_value=1, max_value=10, required=False)
    down_after = serializers.IntegerField(min_value=1, max_value=10, required=False)


class ProbeChange(_ProbeFields):
    is_active = serializers.BooleanField(required=False)


class ProbeNew(_ProbeFields):
    service = serializers.UUIDField(help_text="uid")
    environment = serializers.CharField(max_length=50, help_text="slug")
    url = serializers.CharField(
        max_length=500, required=False, help_text="Empty: results are reported to us."
    )


class ProbeFilter(PortalFilterSet):
    service = django_filters.UUIDFilter(field_name="service__uid")
    environment = django_filters.CharFilter(field_name="environment__slug", max_length=50)
    health = django_filters.ChoiceFilter(choices=Probe.Health.choices)
    is_active = BooleanFilter()


class ProbesView(ListView):
    """Where services are looked at, and how they fare."""

    actions = {"GET": "catalog.view", "POST": "catalog.manage"}
    output = ProbeRow
    inputs = {"POST": ProbeNew}
    outputs = {"POST": ProbeRow}
    filterset = ProbeFilter
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Probe.objects.visible_to(request.actor).of(request.workspace)

    def post(self, request: Any) -> HttpResponse:
        values = self.read(request)
        service_named(request, values)
        service, slug = values.pop("service"), values.pop("environment")
        rows = Environment.objects.visible_to(request.actor).of(request.workspace)
        environment = rows.filter(slug=slug).first()
        if environment is None:
            raise Invalid("No such environment here.", details={"environment": "Not here."})
        probe = services.add_probe(service, environment, actor=request.actor, **values)
        return created(self.show(probe), f"{request.path}/{probe.uid}")


class ProbeView(DetailView):
    actions = {"GET": "catalog.view", "PATCH": "catalog.manage"}
    output = ProbeRow
    inputs = {"PATCH": ProbeChange}
    outputs = {"PATCH": ProbeRow}
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = Probe.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("service", "environment")

    def patch(self, request: Any, uid: UUID) -> HttpResponse:
        probe = self.object(request, {"uid": uid})
        values = self.read(request)
        active = values.pop("is_active", None)
        changed = services.change_probe(probe, actor=request.actor, version=probe.version, **values)
        if active is not None:
            changed = services.switch_probe(changed, actor=request.actor, active=active)
        return JsonAnswer(self.show(changed))


class SightAnswer(StrictSerializer):
    ok = serializers.BooleanField()
    status_code = serializers.IntegerField(allow_null=True)
    latency_ms = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()
    probe = ProbeRow()


class LookView(ProbeView):
    """Look at the service now, without waiting for the probe's turn."""

    actions = {"POST": "catalog.report"}
    inputs = {"POST": StrictSerializer}
    outputs = {"POST": SightAnswer}

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        self.read(request)
        probe = self.object(request, {"uid": uid})
        sight = services.probe_now(probe, actor=request.actor)
        probe.refresh_from_db()
        answer = {name: getattr(sight, name) for name in ("ok", "status_code", "latency_ms")}
        return JsonAnswer({**answer, "error": sight.error, "probe": self.show(probe)})


class ResultRow(StrictSerializer):
    at = serializers.DateTimeField()
    ok = serializers.BooleanField()
    status_code = serializers.IntegerField(allow_null=True)
    latency_ms = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()


class ResultInput(StrictSerializer):
    ok = serializers.BooleanField()
    latency_ms = serializers.IntegerField(
        min_value=0, max_value=3_600_000, required=False, allow_null=True
    )
    error = serializers.CharField(max_length=1000, default="", allow_blank=True)


class ResultFilter(PortalFilterSet):
    ok = BooleanFilter()


class ResultsView(ListView):
    """What one probe saw, newest first. Probes without an address are reported here."""

    actions = {"GET": "catalog.view", "POST": "catalog.report"}
    output = ResultRow
    inputs = {"POST": ResultInput}
    outputs = {"POST": ProbeRow}
    filterset = ResultFilter
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        probe = _probe(request, self.kwargs["uid"])
        return ProbeResult.objects.visible_to(request.actor).filter(probe=probe)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        seen = services.report_result(
            _probe(request, uid), actor=request.actor, **self.read(request)
        )
        return created(ProbeView().show(seen))


def _probe(request: Any, uid: UUID) -> Probe:
    probe: Probe = ProbeView().object(request, {"uid": uid})
    return probe


class DownRow(StrictSerializer):
    uid = serializers.UUIDField()
    service = serializers.CharField(source="service.slug")
    environment = serializers.CharField(source="environment.slug")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)
    first_error = serializers.CharField()


class DownFilter(PortalFilterSet):
    service = django_filters.UUIDFilter(field_name="service__uid")
    environment = django_filters.CharFilter(field_name="environment__slug", max_length=50)
    open = BooleanFilter(field_name="ends_at", lookup_expr="isnull")


class DownIntervalsView(ListView):
    """Times in which services were down."""

    actions = {"GET": "catalog.view"}
    output = DownRow
    filterset = DownFilter
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return DownInterval.objects.visible_to(request.actor).of(request.workspace)


class UptimeQuery(StrictSerializer):
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    environment = serializers.CharField(
        max_length=50, required=False, default="production", help_text="slug; `all` for all"
    )


class UptimeAnswer(StrictSerializer):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    measured_s = serializers.FloatField()
    down_s = serializers.FloatField()
    percent = serializers.FloatField(allow_null=True, help_text="null: nothing was measured")
    unplanned_down_s = serializers.FloatField()
    percent_without_maintenance = serializers.FloatField(allow_null=True)
    target = serializers.FloatField()


def _asked_environment(request: Any, slug: str) -> str:
    if slug == "all":
        return ""
    if not Environment.objects.visible_to(request.actor).of(request.workspace).filter(slug=slug):
        raise Invalid("No such environment here.", details={"environment": "Not here."})
    return slug


class UptimeView(DetailView):
    """How long a service was there: by default in production, over 30 days."""

    actions = {"GET": "catalog.view"}
    output = UptimeAnswer
    query = ("since", "until", "environment")
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Service.objects.visible_to(request.actor).of(request.workspace)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        service: Service = self.object(request, kwargs)
        asked = read(UptimeQuery, dict(request._request.GET.items()))
        until = asked.get("until") or clock.now()
        if until.year < FIRST_YEAR:
            raise Invalid("That is too long ago.", details={"until": "Too long ago."})
        since = asked.get("since") or until - WINDOW
        if not timedelta(0) < until - since <= LONGEST_WINDOW:
            raise Invalid("At most a year.", details={"since": "Before until, by a year at most."})
        environment = _asked_environment(request, asked["environment"])
        figure = uptime.of(service, since, until, environment=environment)
        return JsonAnswer(
            {
                "since": since,
                "until": until,
                "measured_s": figure.measured_s,
                "down_s": figure.down_s,
                "percent": figure.percent,
                "unplanned_down_s": figure.unplanned_down_s,
                "percent_without_maintenance": figure.percent_without_maintenance,
                "target": float(service.uptime_target),
            }
        )
