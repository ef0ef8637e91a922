"""Alerts that stand, and what rules did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of
from telemetry.models import RuleChange, RuleState
from telemetry.rules import drawn, news, vocabulary


def _of_severity(severity: str) -> Any:
    return lambda rows: rows.filter(rule__severity=severity)


@admin.register(RuleState)
class RuleStateAdmin(ModelAdmin[RuleState]):
    list_name = "Alerts"
    view_action = "telemetry.view"
    about = "What rules found out of order, series by series. What was always well has no row."
    tabs = (
        ("Firing now", "status__exact=firing"),
        ("Kept quiet", "quiet=yes"),
        ("Pending", "status__exact=pending"),
        ("Not looked at", "status__exact=error"),
        ("All", "view=all"),
    )
    empty = "No alert is here."
    empty_hint = "GET /api/v1/telemetry/rules/states?status=firing lists them."
    list_display = ("alert", "status", "severity", "value_now", "limit", "since", "place")
    phone_columns = ("status", "since")
    list_filter = (
        "status",
        question(
            "Severity",
            "severity",
            {
                each: (each.capitalize(), _of_severity(each))
                for each in ("critical", "warning", "info")
            },
        ),
        question(
            "Kept quiet",
            "quiet",
            {
                "yes": ("Yes", lambda rows: rows.kept_quiet()),
                "no": ("No", lambda rows: rows.told()),
            },
        ),
    )
    list_select_related = ("rule", "workspace")
    search_fields = ("rule__title", "rule__slug", "series")
    panel_template = "telemetry/panel_alert.html"
    head_state = "status"
    head_severity = "severity"
    head_clocks = ("since",)
    facts = (
        "status", "severity", "rule", "of_series", "value_now", "limit", "sample", "since", "note",
        "breached_at", "fired_at", "resolved_at", "episode", "fingerprint", "place",
    )  # fmt: skip
    labels = {
        "episode": "Times it fired",
        "breached_at": "Beyond its limit since",
        "fired_at": "Fired",
        "resolved_at": "Resolved",
        "note": "Why it can't be told",
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("rule", "workspace")

    @admin.display(description="Alert", ordering="rule__title")
    def alert(self, state: RuleState) -> str:
        quiet = f", kept quiet by {state.quiet_by}" if state.quiet_by else ""
        return f"{self.heading(state)}{quiet}"

    def heading(self, obj: RuleState) -> str:
        of = vocabulary.series_words(obj.rule, obj.series, "")
        return f"{obj.rule.title}: {of}" if of else obj.rule.title

    @admin.display(description="Series", ordering="series")
    def of_series(self, state: RuleState) -> str:
        return vocabulary.series_words(state.rule, state.series)

    @admin.display(description="Severity", ordering="rule__severity")
    def severity(self, state: RuleState) -> str:
        return str(state.rule.get_severity_display())

    @admin.display(description="Value")
    def value_now(self, state: RuleState) -> str:
        if state.value is None:
            return "no data"
        return vocabulary.number(state.value, drawn.unit_of(state.rule))

    @admin.display(description="Fires")
    def limit(self, state: RuleState) -> str:
        return vocabulary.limit_words(state.rule, drawn.unit_of(state.rule))

    def panel_context(self, request: HttpRequest, obj: RuleState) -> Mapping[str, Any]:
        if not drawn.may_see(actor_of(request), obj.rule):
            return {"hidden": True}
        return {
            "sentence": news.sentence(obj.rule, obj),
            "back": drawn.looked_back(obj.rule, obj.workspace_id),
            "changes": (did := drawn.changes(obj.rule, obj.workspace_id, series=obj.series)),
            "change_columns": drawn.change_columns(did),
        }

    @admin.display(description="Of")
    def place(self, state: RuleState) -> str:
        return state.workspace.name if state.workspace is not None else "the installation"


@admin.register(RuleChange)
class RuleChangeAdmin(ModelAdmin[RuleChange]):
    list_name = "Alert history"
    view_action = "telemetry.view"
    audited = False  # never touched after it was written
    keyed = True
    about = "When rules fired, were resolved, were tried, or could not be evaluated."
    tabs = (
        ("Fired", "kind__exact=fired"),
        ("Kept quiet", "kind__exact=quiet"),
        ("Could not be evaluated", "kind__exact=failed"),
        ("All", "view=all"),
    )
    empty = "No rule has done anything yet."
    empty_hint = "GET /api/v1/telemetry/rules/changes lists what they did."
    list_display = ("title", "kind", "severity", "of_series", "value_then", "lasted", "at")
    phone_columns = ("kind", "at")
    list_filter = ("kind", "severity")
    list_select_related = ("rule", "workspace")
    head_severity = "severity"
    head_clocks = ("at",)
    facts = (
        "kind", "severity", "rule", "of_series", "value_then", "threshold", "sample", "began_at",
        "at", "lasted", "episode", "note",
    )  # fmt: skip
    labels = {"kind": "What", "began_at": "Began", "episode": "Which time", "threshold": "Limit"}

    @admin.display(description="Series", ordering="series")
    def of_series(self, change: RuleChange) -> str:
        return vocabulary.series_words(change.rule, change.series)

    @admin.display(description="Value")
    def value_then(self, change: RuleChange) -> str:
        if change.value is None:
            return ""
        unit = drawn.unit_of(change.rule) if change.rule is not None else ""
        return vocabulary.number(change.value, unit)

    @admin.display(description="Lasted")
    def lasted(self, change: RuleChange) -> Any:
        seconds = drawn.lasted(change)
        return "" if seconds is None else vocabulary.span(seconds)
