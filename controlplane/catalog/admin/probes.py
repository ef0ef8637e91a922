"""Probes, what they saw, and the outages that came of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.linking import url_of
from controlplane.base.web import actor_of
from controlplane.catalog import panels, services
from controlplane.catalog.admin.common import is_off, is_on
from controlplane.catalog.models import DownInterval, Probe, ProbeResult
from controlplane.catalog.services.probes import PROBE_FIELDS
from controlplane.lib.lasting import Lasting


def _cannot_look(probe: Probe) -> str:
    return "Its results are reported." if probe.pushed else is_on(probe)


@admin.register(Probe)
class ProbeAdmin(ModelAdmin[Probe]):
    view_action = "catalog.view"
    labels = {
        "is_active": "Switched on",
        "url": "Address",
        "expected_status": "Expected status code",
        "pushed": "Pushed to us",
    }
    add_action = "catalog.manage"
    change_action = "catalog.manage"
    about = "Who looks at which service where, and what was seen last."
    tabs = (
        ("Down", "health__exact=down"),
        ("Looking", "is_active__exact=1"),
        ("Switched off", "is_active__exact=0"),
        ("All", "view=all"),
    )
    empty = "No probe is here."
    empty_hint = "POST /api/v1/catalog/probes adds one; a pushed one waits for reports of others."
    list_display = ["name", "health", "since", "latency", "looked", "failures", "last_error"]
    list_filter = ["health", "is_active", "environment"]
    list_select_related = ["service", "environment"]
    search_fields = ["service__slug", "service__name", "url"]
    in_palette = True
    facts = (
        "health", "service", "environment", "url", "pushed", "expected_status", "rhythm",
        "patience", "down_after", "since", "looked", "version",
    )  # fmt: skip
    panel_template = "catalog/panel_probe.html"
    add_fields = ("service", "environment", *PROBE_FIELDS)
    edit_fields = PROBE_FIELDS

    @admin.display(description="Probe", ordering="service__name")
    def name(self, probe: Probe) -> str:
        return str(probe)

    @admin.display(description="Answers in", ordering="last_latency_ms")
    def latency(self, probe: Probe) -> str:
        return "" if probe.last_latency_ms is None else f"{probe.last_latency_ms:,} ms"

    @admin.display(description="Failures in a row", ordering="failures_in_a_row")
    def failures(self, probe: Probe) -> int:
        return int(probe.failures_in_a_row)

    @admin.display(description="Looked", ordering="last_at")
    def looked(self, probe: Probe) -> Any:
        return probe.last_at

    @admin.display(description="Looks every")
    def rhythm(self, probe: Probe) -> timedelta:
        return timedelta(seconds=probe.every_s)

    @admin.display(description="Waits for")
    def patience(self, probe: Probe) -> timedelta:
        return timedelta(seconds=probe.timeout_s)

    def panel_context(self, request: HttpRequest, obj: Probe) -> Mapping[str, Any]:
        actor = actor_of(request)
        found = panels.results_of(obj)
        good = sum(row.ok for row in found)
        return {
            "service_url": url_of(obj.service, actor),
            "environment_url": url_of(obj.environment, actor),
            "good_share": 100 * good / len(found) if found else None,
            "looks": len(found),
            "latency_chart": panels.latency(found, obj),
            "result_columns": panels.RESULT_COLUMNS,
            "result_rows": panels.result_rows(found[:20]),
        }

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

    @button(quiet=True, label="Switch off", action="catalog.manage", reason=True, when=is_on)
    def switch_off(self, request: HttpRequest, probe: Probe, reason: str) -> str:
        services.switch_probe(probe, actor=actor_of(request), active=False, reason=reason)
        return "Off. Nothing is known of the service from now on."

    @button(label="Switch on", action="catalog.manage", when=is_off)
    def switch_on(self, request: HttpRequest, probe: Probe, reason: str) -> str:
        services.switch_probe(probe, actor=actor_of(request), active=True)
        return "On."


@admin.register(ProbeResult)
class ProbeResultAdmin(ModelAdmin[ProbeResult]):
    titled = True
    view_action = "catalog.view"
    workspace_lookup = "probe__workspace"
    keyed = True
    about = "Each single look of the last month."
    tabs = (("Failed", "ok__exact=0"), ("All", "view=all"))
    empty = "No look failed."
    empty_hint = "Looks are kept for a month; outages are what lasts."
    list_display = ["probe", "outcome", "error", "status_code", "latency_ms", "at"]
    facts = ("outcome", "probe", "at", "error", "status_code", "latency_ms")
    head_clocks = ("at",)
    list_filter = ["ok"]
    list_select_related = ["probe__service", "probe__environment"]

    @admin.display(description="Result")
    def outcome(self, result: ProbeResult) -> str:
        return "ok" if result.ok else "failed"


@admin.register(DownInterval)
class DownIntervalAdmin(ModelAdmin[DownInterval]):
    view_action = "catalog.view"
    labels = {"starts_at": "Began", "ends_at": "Ended"}
    keyed = True
    about = "Times in which a service was away in one environment. Uptime is counted from them."
    tabs = (("Now", "ends_at__isempty=1"), ("Over", "ends_at__isempty=0"), ("All", "view=all"))
    empty = "Nothing is down."
    empty_hint = "GET /api/v1/catalog/down-intervals lists them."
    list_display = ["service", "state", "environment", "starts_at", "lasted", "first_error"]
    facts = ("state", "service", "environment", "lasted", "starts_at", "ends_at", "first_error")
    head_clocks = ("starts_at", "lasted")
    search_fields = ["service__slug", "service__name", "first_error"]
    list_filter = ["environment", ("ends_at", admin.EmptyFieldListFilter)]
    list_select_related = ["service", "environment"]

    @admin.display(description="State")
    def state(self, row: DownInterval) -> str:
        return "over" if row.ends_at else "down"

    @admin.display(description="Lasted")
    def lasted(self, row: DownInterval) -> timedelta | Lasting:
        return panels.lasted(row)
