"""Integrations and their circuit breakers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import button, question
from controlplane.base.web import actor_of
from controlplane.catalog import panels, services, vocabulary
from controlplane.catalog.admin.common import OwnedAdmin, here, is_off, is_on, role_name
from controlplane.catalog.models import Integration
from controlplane.catalog.services.entries import INTEGRATION_FIELDS


def breaker_word(integration: Integration) -> str:
    """The breaker in one word; one that is switched off says so first."""
    return str(integration.status) if integration.is_active else "off"


Breaker = question(
    "Calls",
    "breaker",
    {
        "stopped": (
            "Not closed",
            lambda rows: rows.filter(is_active=True).exclude(status="closed"),
        ),
        "failing": ("Failing", lambda rows: rows.filter(failures_in_a_row__gt=0)),
    },
)


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
    labels = {"status": "Breaker", "trials": "Trial calls", "retry_at": "Next try"}
    add_action = "catalog.manage"
    change_action = "catalog.manage"
    about = "Other people's services that agents call, and whether they may just now."
    tabs = (
        ("In use", "is_active__exact=1"),
        ("Not closed", "breaker=stopped"),
        ("Switched off", "is_active__exact=0"),
        ("All", "view=all"),
    )
    empty = "No integration is here."
    empty_hint = "Agents read GET /api/v1/catalog/breakers before they call."
    list_display = ["name", "health", "kind", "failures", "why", "retry_at", "owner", "ref"]
    in_palette = True
    head_clocks = ("opened_at",)
    facts = (
        "health", "ref", "slug", "kind", "owner", "cause", "opened_by", "opened_at",
        "trials", "created_at", *vocabulary.THRESHOLDS,
    )  # fmt: skip
    panel_template = "catalog/panel_integration.html"

    @admin.display(description="Breaker", ordering="status")
    def health(self, integration: Integration) -> str:
        return breaker_word(integration)

    @admin.display(description="Failures in a row", ordering="failures_in_a_row")
    def failures(self, integration: Integration) -> int:
        return int(integration.failures_in_a_row)

    @admin.display(description="Why")
    def why(self, integration: Integration) -> str:
        return integration.reason or ""

    @admin.display(description="Looked after by", ordering="owner_role")
    def owner(self, integration: Integration) -> str:
        return role_name(integration.owner_role)

    def panel_context(self, request: HttpRequest, obj: Integration) -> Mapping[str, Any]:
        return {
            "breaker_word": breaker_word(obj),
            "breaker_chart": panels.breaker(obj),
            "asked": vocabulary.thresholds(obj),
            "is_open": obj.status == Integration.Status.OPEN,
            "is_half_open": obj.status == Integration.Status.HALF_OPEN,
            "owner": self.owner(obj),
        }

    list_filter = ["kind", "status", "is_active", Breaker]
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
        return services.add_integration(here(request), actor=actor, **data)

    @button(label="Let one try", action="catalog.trip", when=_unless("closed", "half_open"))
    def let_one_try(self, request: HttpRequest, integration: Integration, reason: str) -> str:
        services.half_open(integration, actor=actor_of(request))
        return "Half open. The first to ask tries; its report decides."

    @button(label="Close the breaker", action="catalog.trip", reason=True, when=_unless("closed"))
    def close(self, request: HttpRequest, integration: Integration, reason: str) -> str:
        services.close(integration, actor=actor_of(request), reason=reason)
        return "Closed. Calls go through."

    @button(
        quiet=True,
        label="Open the breaker",
        action="catalog.trip",
        confirm="Agents will stop calling it until somebody closes the breaker.",
        reason=True,
        when=_held,
    )
    def trip(self, request: HttpRequest, integration: Integration, reason: str) -> str:
        services.trip(integration, actor=actor_of(request), reason=reason)
        return "Open. Agents are told so before their next call."

    @button(quiet=True, label="Switch off", action="catalog.manage", reason=True, when=is_on)
    def switch_off(self, request: HttpRequest, integration: Integration, reason: str) -> str:
        actor = actor_of(request)
        services.switch_integration(integration, actor=actor, active=False, reason=reason)
        return "Off."

    @button(label="Switch on", action="catalog.manage", when=is_off)
    def switch_on(self, request: HttpRequest, integration: Integration, reason: str) -> str:
        services.switch_integration(integration, actor=actor_of(request), active=True)
        return "On."
