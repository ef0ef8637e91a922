"""Environments, services and components."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.catalog import services
from controlplane.catalog.models import Component, Environment, Service
from controlplane.lib.errors import Invalid


class EnvironmentRow(StrictSerializer):
    slug = serializers.CharField()
    name = serializers.CharField()
    order = serializers.IntegerField()
    purpose = serializers.CharField()
    update_frequency = serializers.CharField()
    data_class = serializers.CharField()
    needs_approval = serializers.BooleanField()
    releases_per_week = serializers.IntegerField(allow_null=True)
    data_refresh_days = serializers.IntegerField(allow_null=True)
    debug_allowed = serializers.BooleanField()
    version = serializers.IntegerField()


class EnvironmentChange(StrictSerializer):
    name = serializers.CharField(max_length=60, required=False)
    purpose = serializers.CharField(max_length=200, required=False)
    update_frequency = serializers.CharField(max_length=200, required=False)
    needs_approval = serializers.BooleanField(required=False)
    releases_per_week = serializers.IntegerField(
        min_value=0, max_value=1000, required=False, allow_null=True
    )
    data_refresh_days = serializers.IntegerField(
        min_value=1, max_value=365, required=False, allow_null=True
    )
    debug_allowed = serializers.BooleanField(required=False)


class EnvironmentsView(ListView):
    """Local, staging and production, with their rules."""

    actions = {"GET": "catalog.view"}
    output = EnvironmentRow
    sorts = {"order": ("order", "id")}
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Environment.objects.visible_to(request.actor).of(request.workspace)


class EnvironmentView(DetailView):
    actions = {"GET": "catalog.view", "PATCH": "catalog.manage"}
    output = EnvironmentRow
    inputs = {"PATCH": EnvironmentChange}
    outputs = {"PATCH": EnvironmentRow}
    lookup = "slug"
    version = ("version",)
    if_match = {"PATCH": "optional"}
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Environment.objects.visible_to(request.actor).of(request.workspace)

    def patch(self, request: Any, slug: str) -> HttpResponse:
        environment = self.object(request, {"slug": slug})
        changed = services.change_environment(
            environment, actor=request.actor, version=environment.version, **self.read(request)
        )
        return JsonAnswer(self.show(changed))


class ServiceRow(StrictSerializer):
    uid = serializers.UUIDField()
    ref = serializers.CharField()
    slug = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    description = serializers.CharField()
    host = serializers.CharField()
    runtime = serializers.CharField()
    owner_role = serializers.CharField()
    tier = serializers.IntegerField()
    uptime_target = serializers.DecimalField(max_digits=6, decimal_places=3)
    status = serializers.CharField()
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class ServiceChange(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False)
    kind = serializers.ChoiceField(choices=Service.Kind.choices, required=False)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    host = serializers.CharField(max_length=200, required=False, allow_blank=True)
    runtime = serializers.CharField(max_length=120, required=False, allow_blank=True)
    owner_role = serializers.CharField(max_length=40, required=False, allow_blank=True)
    tier = serializers.IntegerField(min_value=1, max_value=3, required=False)
    uptime_target = serializers.DecimalField(
        max_digits=6, decimal_places=3, min_value=Decimal(0), max_value=Decimal(100), required=False
    )


class ServiceNew(ServiceChange):
    slug = serializers.CharField(max_length=50)
    name = serializers.CharField(max_length=120)


class Reason(StrictSerializer):
    reason = serializers.CharField(max_length=300, default="", allow_blank=True)


class ServiceFilter(PortalFilterSet):
    kind = django_filters.ChoiceFilter(choices=Service.Kind.choices)
    status = django_filters.ChoiceFilter(choices=Service.Status.choices)


class ServicesView(ListView):
    """What runs, and who looks after it."""

    actions = {"GET": "catalog.view", "POST": "catalog.manage"}
    output = ServiceRow
    inputs = {"POST": ServiceNew}
    outputs = {"POST": ServiceRow}
    filterset = ServiceFilter
    sorts = {"newest": ("-id",), "name": ("name", "id")}
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Service.objects.visible_to(request.actor).of(request.workspace)

    def post(self, request: Any) -> HttpResponse:
        service = services.register_service(
            request.workspace, actor=request.actor, **self.read(request)
        )
        return created(self.show(service), f"{request.path}/{service.uid}")


class ServiceView(DetailView):
    actions = {"GET": "catalog.view", "PATCH": "catalog.manage"}
    output = ServiceRow
    inputs = {"PATCH": ServiceChange}
    outputs = {"PATCH": ServiceRow}
    version = ("version",)
    if_match = {"PATCH": "optional"}
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Service.objects.visible_to(request.actor).of(request.workspace)

    def patch(self, request: Any, uid: UUID) -> HttpResponse:
        service = self.object(request, {"uid": uid})
        changed = services.change_service(
            service, actor=request.actor, version=service.version, **self.read(request)
        )
        return JsonAnswer(self.show(changed))


class ServiceRetireView(ServiceView):
    """Take a service out of service. Its probes rest; its past stays."""

    actions = {"POST": "catalog.manage"}
    inputs = {"POST": Reason}
    outputs = {"POST": ServiceRow}
    if_match = {"POST": "optional"}
    errors = (409,)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        service = self.object(request, {"uid": uid})
        retired = services.retire_service(service, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(retired))


class ServiceRestoreView(ServiceView):
    """Take a retired service back into service."""

    actions = {"POST": "catalog.manage"}
    inputs = {"POST": Reason}
    outputs = {"POST": ServiceRow}
    if_match = {"POST": "optional"}
    errors = (409,)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        service = self.object(request, {"uid": uid})
        restored = services.restore_service(service, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(restored))


class ComponentRow(StrictSerializer):
    uid = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    description = serializers.CharField()
    service = serializers.UUIDField(source="service.uid", allow_null=True)
    is_public = serializers.BooleanField()
    order = serializers.IntegerField()
    is_active = serializers.BooleanField()
    version = serializers.IntegerField()


class _ComponentFields(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False)
    kind = serializers.ChoiceField(choices=Component.Kind.choices, required=False)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    service = serializers.UUIDField(required=False, allow_null=True, help_text="uid")
    is_public = serializers.BooleanField(required=False)
    order = serializers.IntegerField(min_value=0, max_value=10_000, required=False)


class ComponentChange(_ComponentFields):
    is_active = serializers.BooleanField(required=False)


class ComponentNew(_ComponentFields):
    slug = serializers.CharField(max_length=50)
    name = serializers.CharField(max_length=120)


class ComponentFilter(PortalFilterSet):
    kind = django_filters.ChoiceFilter(choices=Component.Kind.choices)
    is_active = BooleanFilter()
    is_public = BooleanFilter()


def service_named(request: Any, values: dict[str, Any], name: str = "service") -> None:
    """Replace a service's uid by its row. One of another workspace is as unknown as none."""
    uid = values.get(name)
    if uid is None:
        return
    rows = Service.objects.visible_to(request.actor).of(request.workspace)
    found = rows.filter(uid=uid).first()
    if found is None:
        raise Invalid("No such service here.", details={name: "No such service here."})
    values[name] = found


class ComponentsView(ListView):
    """Parts that are deployed, or shown on the status page, on their own."""

    actions = {"GET": "catalog.view", "POST": "catalog.manage"}
    output = ComponentRow
    inputs = {"POST": ComponentNew}
    outputs = {"POST": ComponentRow}
    filterset = ComponentFilter
    sorts = {"order": ("order", "name", "id"), "newest": ("-id",)}
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Component.objects.visible_to(request.actor).of(request.workspace)

    def post(self, request: Any) -> HttpResponse:
        values = self.read(request)
        service_named(request, values)
        component = services.add_component(request.workspace, actor=request.actor, **values)
        return created(self.show(component), f"{request.path}/{component.uid}")


class ComponentView(DetailView):
    actions = {"GET": "catalog.view", "PATCH": "catalog.manage"}
    output = ComponentRow
    inputs = {"PATCH": ComponentChange}
    outputs = {"PATCH": ComponentRow}
    version = ("version",)
    if_match = {"PATCH": "optional"}
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Component.objects.visible_to(request.actor).of(request.workspace)

    def patch(self, request: Any, uid: UUID) -> HttpResponse:
        component = self.object(request, {"uid": uid})
        values = self.read(request)
        service_named(request, values)
        active = values.pop("is_active", None)
        changed = services.change_component(
            component, actor=request.actor, version=component.version, **values
        )
        if active is not None:
            changed = services.switch_component(changed, actor=request.actor, active=active)
        return JsonAnswer(self.show(changed))
