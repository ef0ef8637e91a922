"""Backups and drills in the console: read there, made by jobs, reports and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from controlplane.backups import services
from controlplane.backups.models import BackupReport, RestoreDrill
from controlplane.base.admin import ModelAdmin


@admin.register(BackupReport)
class BackupReportAdmin(ModelAdmin[BackupReport]):
    view_action = "backup.view"
    keyed = True
    list_display = ("finished_at", "kind", "source", "ok", "size_text", "tool", "error_short")
    list_filter = ("ok", "source")
    search_fields = ("kind", "tool", "location")

    @admin.display(description="Size")
    def size_text(self, report: BackupReport) -> str:
        return f"{report.size / 1_000_000:,.1f} MB" if report.size is not None else "–"

    @admin.display(description="Error")
    def error_short(self, report: BackupReport) -> str:
        return report.error[:80]


@admin.register(RestoreDrill)
class RestoreDrillAdmin(ModelAdmin[RestoreDrill]):
    view_action = "backup.view"
    keyed = True
    list_display = ("started_at", "ok", "seconds_text", "tables", "rows", "error_short")
    list_filter = ("ok",)

    def changelist_view(
        self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        context = {**(extra_context or {}), "subtitle": _measured(services.figures())}
        page: HttpResponse = super().changelist_view(request, context)
        return page

    @admin.display(description="Took")
    def seconds_text(self, drill: RestoreDrill) -> str:
        return f"{drill.seconds:,.1f} s"

    @admin.display(description="Error")
    def error_short(self, drill: RestoreDrill) -> str:
        return drill.error[:80]


def _measured(found: services.Figures) -> str:
    """Both figures beside their targets, in words."""
    lost = "no backup yet" if found.rpo_seconds is None else f"{found.rpo_seconds / 3600:.1f} h"
    back = "not drilled yet" if found.rto_seconds is None else f"{found.rto_seconds:,.0f} s"
    return (
        f"Would be lost now (RPO): {lost}, target {found.rpo_target / 3600:.0f} h."
        f" To come back (RTO): {back}, target {found.rto_target / 3600:.0f} h."
    )
