"""Console pages of the catalog."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.admin import ModelAdmin, button
from controlplane.base.web import actor_of, workspace_of
from controlplane.catalog import services, uptime
from controlplane.catalog.models import (
    Component,
    DownInterval,
    Environment,
    Integration,
    Probe,
    ProbeResult,
    Service,
)
from controlplane.catalog.services.entries import (
    COMPONENT_FIELDS,
    ENVIRONMENT_FIELDS,
    INTEGRATION_FIELDS,
    SERVICE_FIELDS,
)
from controlplane.catalog.services.probes import PROBE_FIELDS
from controlplane.lib import clock
from controlplane.lib.errors import Invalid

M = TypeVar("M", bound=models.Model)


def _here(request: HttpRequest) -> Workspace:
    workspace = workspace_of(request)
    if workspace is None:
        raise Invalid("Choose a workspace first.")
    return workspace


def _is_on(row: Any) -> str:
    return "" if row.is_active else "It is off."


def _is_off(row: Any) -> str:
    return "It is on." if row.is_active else ""


def _cannot_look(probe: Probe) -> str:
    return "Its results are reported." if probe.pushed else _is_on(probe)


class OwnedAdmin(ModelAdmin[M]):
    """Rows that a role looks after: chosen from the roles there are."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name != "owner_role":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        roles = sorted((policy.ROLES[slug][0], slug) for slug in policy.PEOPLE)
        choices = [("", "–"), *((slug, name) for name, slug in roles)]
        return forms.ChoiceField(choices=choices, required=False, label="Owner role")


@admin.register(Environment)
class EnvironmentAdmin(ModelAdmin[Environment]):
    view_action = "catalog.view"
    change_action = "catalog.manage"
    list_display = ["name", "purpose", "update_frequency", "data_class", "needs_approval"]
    list_filter = ["data_class"]
    edit_fields = ENVIRONMENT_FIELDS

    def service_save(
        self,
        request: HttpRequest,
        obj: Environment,
        form: forms.ModelForm[Environment],
        change: bool,
    ) -> Environment:
        return services.change_environment(
            obj, actor=actor_of(request), version=obj.version, **form.cleaned_data
        )


@admin.register(Service)
class ServiceAdmin(OwnedAdmin[Service]):
    view_action = "catalog.view"
    add_action = "catalog.manage"
    change_action = "catalog.manage"
    list_display = ["ref", "name", "kind", "tier", "owner_role", "status", "health"]
    list_filter = ["kind", "status", "tier"]
    search_fields = ["ref", "slug", "name"]
    add_fields = ("slug", *SERVICE_FIELDS)
    edit_fields = SERVICE_FIELDS
    fields = ("ref", "slug", *SERVICE_FIELDS, "status", "uptime_30_days", "created_at", "version")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("probes__environment")

    @admin.display(description="Health")
    def health(self, service: Service) -> str:
        """The worst of its probes, by word: one that is down counts for all."""
        probes = [probe for probe in service.probes.all() if probe.is_active]
        down = [probe.environment.name for probe in probes if probe.health == Probe.Health.DOWN]
        if down:
            return f"down: {', '.join(down)}"
        known = [probe for probe in probes if probe.health != Probe.Health.UNKNOWN]
        return "up" if known else "not known"

    @admin.display(description="Uptime in production, 30 days")
    def uptime_30_days(self, service: Service) -> str:
        now = clock.now()
        since = now - timedelta(days=30)
        figure = uptime.of(service, since, now, environment="production")
        if figure.percent is None:
            return "no data: nothing looked at it"
        text = f"{figure.percent:.3f} % of a target of {service.uptime_target.normalize():f} %"
        calm = figure.percent_without_maintenance
        return text if calm is None else f"{text}; {calm:.3f} % without planned maintenance"

    def service_save(
        self, request: HttpRequest, obj: Service, form: forms.ModelForm[Service], change: bool
    ) -> Service:
        actor, data = actor_of(request), form.cleaned_data
        if change:
            return services.change_service(obj, actor=actor, version=obj.version, **data)
        return services.register_service(_here(request), actor=actor, **data)

    @button(
        label="Retire",
        action="catalog.manage",
        confirm="Its probes will rest. It can be taken back.",
        reason=True,
        when=lambda service: "" if service.status == "active" else "It is retired.",
    )
    def retire(self, request: HttpRequest, service: Service, reason: str) -> str:
        services.retire_service(service, actor=actor_of(request), reason=reason)
        return "Retired."

    @button(
        label="Take back into service",
        action="catalog.manage",
        when=lambda service: "" if service.status == "retired" else "It is in service.",
    )
    def restore(self, request: HttpRequest, service: Service, reason: str) -> str:
        services.restore_service(service, actor=actor_of(request))
        return "Back in service."


@admin.register(Component)
class ComponentAdmin(ModelAdmin[Component]):
    view_action = "catalog.view"
    add_action = "catalog.manage"
    change_action = "catalog.manage"
    list_display = ["name", "kind", "service", "is_public", "is_active", "order"]
    list_filter = ["kind", "is_active", "is_public"]
    list_select_related = ["service"]
    search_fields = ["slug", "name"]
    add_fields = ("slug", *COMPONENT_FIELDS)
    edit_fields = COMPONENT_FIELDS

    def service_save(
        self, request: HttpRequest, obj: Component, form: forms.ModelForm[Component], change: bool
    ) -> Component:
        actor, data = actor_of(request), form.cleaned_data
        if change:
            return services.change_component(obj, actor=actor, version=obj.version, **data)
        return services.add_component(_here(request), actor=actor, **data)

    @button(label="Switch off", action="catalog.manage", reason=True, when=_is_on)
    def switch_off(self, request: HttpRequest, component: Component, reason: str) -> str:
        services.switch_component(component, actor=actor_of(request), active=False, reason=reason)
        return "Off."

    @button(label="Switch on", action="catalog.manage", when=_is_off)
    def switch_on(self, request: HttpRequest, component: Component, reason: str) -> str:
        services.switch_component(component, actor=actor_of(request), active=True)
        return "On."


def _unless(*states: str) -> Any:
    def when(integration: Integration) -> str:
        if integration.status in states:
            return f"The breaker is {integration.status.replace('_', ' ')}."
        return ""

    return when


def _held(integration: Integration) -> str:
    """One that failures opened may still be held open, so that no trial closes it."""
    held = integration.status == "open" and integration.retry_at is None
    return "It is held open already." if held else ""


@admin.register(Integration)
class IntegrationAdmin(OwnedAdmin[Integration]):
    """What agents call, and whether they may."""

    view_action = "catalog.view"
    add_action = "catalog.manage"
    change_action = "catalog.manage"
    list_display = ["ref", "name", "kind", "status", "failures_in_a_row", "reason", "is_active"]
    list_filter = ["kind", "status", "is_active"]
    search_fields = ["ref", "slug", "name"]
    add_fields = ("slug", *INTEGRATION_FIELDS)
    edit_fields = INTEGRATION_FIELDS

    def service_save(
        self,
        request: HttpRequest,
        obj: Integration,
        form: forms.ModelForm[Integration],
        change: bool,
    ) -> Integration:
        actor, data = actor_of(request), form.cleaned_data
        if change:
            return services.change_integration(obj, actor=actor, version=obj.version, **data)
        return services.add_integration(_here(request), actor=actor, **data)

    @button(
        label="Open the breaker",
        action="catalog.trip",
        confirm="Agents will stop calling it until somebody closes the breaker.",
        reason=True,
        when=_held,
    )
    def trip(self, request: HttpRequest, integration: Integration, reason: str) -> str:
        services.trip(integration, actor=actor_of(request), reason=reason)
        return "Open. Agents are told so before their next call."

    @button(label="Let one try", action="catalog.trip", when=_unless("closed", "half_open"))
    def let_one_try(self, request: HttpRequest, integration: Integration, reason: str) -> str:
        services.half_open(integration, actor=actor_of(request))
        return "Half open. The first to ask tries; its report decides."

    @button(label="Close the breaker", action="catalog.trip", reason=True, when=_unless("closed"))
    def close(self, request: HttpRequest, integration: Integration, reason: str) -> str:
        services.close(integration, actor=actor_of(request), reason=reason)
        return "Closed. Calls go through."

    @button(label="Switch off", action="catalog.manage", reason=True, when=_is_on)
    def switch_off(self, request: HttpRequest, integration: Integration, reason: str) -> str:
        actor = actor_of(request)
        services.switch_integration(integration, actor=actor, active=False, reason=reason)
        return "Off."

    @button(label="Switch on", action="catalog.manage", when=_is_off)
    def switch_on(self, request: HttpRequest, integration: Integration, reason: str) -> str:
        services.switch_integration(integration, actor=actor_of(request), active=True)
        return "On."


@admin.register(Probe)
class ProbeAdmin(ModelAdmin[Probe]):
    view_action = "catalog.view"
    add_action = "catalog.manage"
    change_action = "catalog.manage"
    list_display = [
        "service",
        "environment",
        "health",
        "since",
        "failures_in_a_row",
        "last_latency_ms",
        "last_error",
        "is_active",
    ]
    list_filter = ["health", "is_active"]
    list_select_related = ["service", "environment"]
    search_fields = ["service__slug", "service__name", "url"]
    add_fields = ("service", "environment", *PROBE_FIELDS)
    edit_fields = PROBE_FIELDS

    def service_save(
        self, request: HttpRequest, obj: Probe, form: forms.ModelForm[Probe], change: bool
    ) -> Probe:
        actor, data = actor_of(request), form.cleaned_data
        if change:
            return services.change_probe(obj, actor=actor, version=obj.version, **data)
        service, environment = data.pop("service"), data.pop("environment")
        return services.add_probe(service, environment, actor=actor, **data)

    @button(
        label="Look now",
        action="catalog.report",
        when=_cannot_look,
    )
    def look_now(self, request: HttpRequest, probe: Probe, reason: str) -> str:
        sight = services.probe_now(probe, actor=actor_of(request))
        return f"Good, after {sight.latency_ms} ms." if sight.ok else f"Not good: {sight.error}"

    @button(label="Switch off", action="catalog.manage", reason=True, when=_is_on)
    def switch_off(self, request: HttpRequest, probe: Probe, reason: str) -> str:
        services.switch_probe(probe, actor=actor_of(request), active=False, reason=reason)
        return "Off. Nothing is known of the service from now on."

    @button(label="Switch on", action="catalog.manage", when=_is_off)
    def switch_on(self, request: HttpRequest, probe: Probe, reason: str) -> str:
        services.switch_probe(probe, actor=actor_of(request), active=True)
        return "On."


@admin.register(ProbeResult)
class ProbeResultAdmin(ModelAdmin[ProbeResult]):
    view_action = "catalog.view"
    workspace_lookup = "probe__workspace"
    keyed = True
    list_display = ["probe", "at", "ok", "status_code", "latency_ms", "error"]
    list_filter = ["ok"]
    list_select_related = ["probe__service", "probe__environment"]


@admin.register(DownInterval)
class DownIntervalAdmin(ModelAdmin[DownInterval]):
    view_action = "catalog.view"
    keyed = True
    list_display = ["service", "environment", "starts_at", "ends_at", "first_error"]
    list_filter = ["environment"]
    list_select_related = ["service", "environment"]
