"""Environments, services and their components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin, button, question
from controlplane.base.admin.linking import list_url, url_of
from controlplane.base.web import actor_of
from controlplane.catalog import panels, services
from controlplane.catalog.admin.common import OwnedAdmin, here, is_off, is_on, role_name
from controlplane.catalog.models import Component, DownInterval, Environment, Probe, Service
from controlplane.catalog.services.entries import (
    COMPONENT_FIELDS,
    ENVIRONMENT_FIELDS,
    SERVICE_FIELDS,
)

Faring = question(
    "Faring",
    "faring",
    {
        "down": (
            "Down",
            lambda rows: rows.filter(pk__in=Probe.objects.down().values("service")),
        ),
        "unseen": (
            "Nobody looks",
            lambda rows: rows.exclude(pk__in=Probe.objects.on().values("service")),
        ),
    },
)
PROBE_COLUMNS = (
    ("name", "Probe"),
    ("health", "Health", "state"),
    ("latency", "Answers in", "number", "ms"),
    ("last_at", "Looked", "when"),
    ("error", "Last error"),
)
OUTAGE_COLUMNS = (
    ("error", "What was seen"),
    ("where", "Where"),
    ("lasted", "Lasted", "duration"),
    ("starts_at", "Began", "when"),
)


def probe_row(probe: Probe, name: str, url: str) -> dict[str, Any]:
    return {
        "name": name,
        "health": probe.health if probe.is_active else "off",
        "latency": probe.last_latency_ms,
        "last_at": probe.last_at,
        "error": probe.last_error if probe.health == Probe.Health.DOWN else "",
        "_url": url,
        "_muted": not probe.is_active,
    }


def outage_row(row: DownInterval, url: str) -> dict[str, Any]:
    return {
        "error": row.first_error or "no answer",
        "where": row.environment.name,
        "lasted": panels.lasted(row),
        "starts_at": row.starts_at,
        "_url": url,
        "_tone": "" if row.ends_at else "bad",
    }


@admin.register(Environment)
class EnvironmentAdmin(ModelAdmin[Environment]):
    view_action = "catalog.view"
    labels = {
        "data_class": "Data",
        "update_frequency": "Updated",
        "needs_approval": "Releases need approval",
        "data_refresh_days": "Data renewed every (days)",
        "debug_allowed": "Debugging allowed",
    }
    change_action = "catalog.manage"
    about = "Where things run: what each is for, how often it changes, whose data it holds."
    empty = "This workspace has no environments."
    empty_hint = "The job catalog.furnish gives each workspace the playbook's three."
    list_display = ["name", "purpose", "data_class", "update_frequency", "needs_approval", "probed"]
    search_fields = ["name", "slug", "purpose"]
    in_palette = True
    facts = (
        "name", "slug", "data_class", "needs_approval", "debug_allowed", "releases_per_week",
        "data_refresh_days", "order", "version",
    )  # fmt: skip
    panel_template = "catalog/panel_environment.html"
    list_filter = ["data_class"]
    edit_fields = ENVIRONMENT_FIELDS

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(probe_count=Count("probes"))

    @admin.display(description="Probes")
    def probed(self, environment: Environment) -> int:
        return int(getattr(environment, "probe_count", 0))

    def panel_context(self, request: HttpRequest, obj: Environment) -> Mapping[str, Any]:
        actor = actor_of(request)
        rows = obj.probes.select_related("service").order_by("service__name")[:200]
        outages = DownInterval.objects.visible_to(actor).filter(environment=obj)
        return {
            "probe_columns": PROBE_COLUMNS,
            "probe_rows": [probe_row(row, row.service.name, url_of(row, actor)) for row in rows],
            "outages_url": list_url(DownInterval, f"environment__id__exact={obj.pk}"),
            "open_outages": outages.open().count(),
        }

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
    about = "What runs, who looks after it, and how it fares."
    tabs = (
        ("In service", "status__exact=active"),
        ("Down", "faring=down"),
        ("Retired", "status__exact=retired"),
        ("All", "view=all"),
    )
    empty = "No service is here."
    empty_hint = "POST /api/v1/catalog/services adds one; its probes say whether it is up."
    list_display = ["name", "health", "where_down", "tier", "kind", "owner", "target", "ref"]
    list_filter = ["kind", "status", "tier", Faring]
    search_fields = ["ref", "slug", "name"]
    in_palette = True
    add_fields = ("slug", *SERVICE_FIELDS)
    edit_fields = SERVICE_FIELDS
    facts = (
        "health", "ref", "slug", "kind", "tier", "owner", "host", "runtime",
        "target", "status", "created_at", "version",
    )  # fmt: skip
    panel_template = "catalog/panel_service.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("probes__environment")

    @admin.display(description="Health")
    def health(self, service: Service) -> str:
        return panels.service_health(service)

    @admin.display(description="Down in")
    def where_down(self, service: Service) -> str:
        down = [p for p in service.probes.all() if p.is_active and p.health == Probe.Health.DOWN]
        return ", ".join(dict.fromkeys(probe.environment.name for probe in down))

    @admin.display(description="Looked after by", ordering="owner_role")
    def owner(self, service: Service) -> str:
        return role_name(service.owner_role)

    @admin.display(description="Target", ordering="uptime_target")
    def target(self, service: Service) -> str:
        return f"{service.uptime_target.normalize():f}\u00a0%"

    def panel_context(self, request: HttpRequest, obj: Service) -> Mapping[str, Any]:
        actor = actor_of(request)
        probes = sorted(obj.probes.all(), key=lambda probe: (probe.environment.order, probe.pk))
        environments = list({p.environment_id: p.environment for p in probes}.values())
        live = next((e for e in environments if e.slug == "production"), None)
        components = obj.components.order_by("order", "name")[:200]
        outages = DownInterval.objects.filter(service=obj).select_related("environment")[:10]
        return {
            "service_health": self.health(obj),
            "owner": self.owner(obj),
            "where": live.name if live else "all environments",
            "figures": panels.uptime_figures(obj, live.slug if live else ""),
            "target": obj.uptime_target,
            "timeline_chart": panels.up_and_down(obj, environments),
            "probe_columns": PROBE_COLUMNS,
            "probe_rows": [
                probe_row(row, row.environment.name, url_of(row, actor)) for row in probes
            ],
            "components": [(row, url_of(row, actor)) for row in components],
            "outage_columns": OUTAGE_COLUMNS,
            "outage_rows": [outage_row(row, url_of(row, actor)) for row in outages],
            "outages_url": list_url(DownInterval, urlencode({"q": obj.slug})),
        }

    def service_save(
        self, request: HttpRequest, obj: Service, form: forms.ModelForm[Service], change: bool
    ) -> Service:
        actor, data = actor_of(request), form.cleaned_data
        if change:
            return services.change_service(obj, actor=actor, version=obj.version, **data)
        return services.register_service(here(request), actor=actor, **data)

    @button(
        quiet=True,
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
    about = "Parts that are deployed, or shown on the status page, on their own."
    tabs = (
        ("In use", "is_active__exact=1"),
        ("On the status page", "is_public__exact=1"),
        ("Switched off", "is_active__exact=0"),
        ("All", "view=all"),
    )
    empty = "No component is here."
    empty_hint = "A service may have several. POST /api/v1/catalog/components adds one."
    list_display = ["name", "state", "kind", "service", "is_public", "order"]
    in_palette = True
    facts = (
        "state", "name", "slug", "kind", "service", "is_public", "order", "description",
        "created_at", "version",
    )  # fmt: skip

    @admin.display(description="State")
    def state(self, component: Component) -> str:
        return "active" if component.is_active else "off"

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
        return services.add_component(here(request), actor=actor, **data)

    @button(quiet=True, label="Switch off", action="catalog.manage", reason=True, when=is_on)
    def switch_off(self, request: HttpRequest, component: Component, reason: str) -> str:
        services.switch_component(component, actor=actor_of(request), active=False, reason=reason)
        return "Off."

    @button(label="Switch on", action="catalog.manage", when=is_off)
    def switch_on(self, request: HttpRequest, component: Component, reason: str) -> str:
        services.switch_component(component, actor=actor_of(request), active=True)
        return "On."
