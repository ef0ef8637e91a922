"""Files of evidence and reports of compliance, as lists: what was shown, to whom it can be shown
again, by its hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from controlplane.base.admin import ModelAdmin
from controlplane.privacy.compliance.controls import BY_SLUG
from controlplane.privacy.models import ComplianceReport, ControlEvidence


class ComplianceAdmin(ModelAdmin[Any]):
    """The sidebar has one entry, the controls; each list leads back to them."""

    list_panel_template = "privacy/list_beside.html"

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        return {"beside": [("Controls by period", reverse("compliance:board"))]}


@admin.register(ControlEvidence)
class ControlEvidenceAdmin(ComplianceAdmin):
    list_name = "Evidence of controls"
    view_action = "compliance.view"
    about = "Files that show how controls were kept. Nothing takes one away."
    empty = "No file was added."
    empty_hint = "Files are added on a control's page, or by POST /api/v1/compliance/evidence."
    list_display = ("title", "control_title", "period", "added_at", "standing")
    phone_columns = ("period",)
    search_fields = ("title", "name", "control", "sha256")
    facts = (
        *("standing", "control_title", "period", "name", "size", "media_type", "sha256"),
        *("added_at", "added_by", "replaces", "note", "workspace", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "added_at": "Added", "control_title": "Control", "standing": "State", "name": "File",
    }  # fmt: skip
    panel_template = "privacy/compliance/panel_file.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.select_related("workspace", "replaces", "replaced_by")

    @admin.display(description="Control", ordering="control")
    def control_title(self, obj: ControlEvidence) -> str:
        return BY_SLUG[obj.control].title if obj.control in BY_SLUG else obj.control

    @admin.display(description="State")
    def standing(self, obj: ControlEvidence) -> str:
        return "replaced" if hasattr(obj, "replaced_by") else "in effect"

    def panel_context(self, request: HttpRequest, obj: ControlEvidence) -> Mapping[str, Any]:
        return {
            "control": BY_SLUG.get(obj.control),
            "page": reverse("compliance:control", args=[obj.control, obj.period]),
        }


@admin.register(ComplianceReport)
class ComplianceReportAdmin(ComplianceAdmin):
    list_name = "Compliance reports"
    view_action = "compliance.report"
    about = "How every control stood, as it was on the day the report was made."
    empty = "No report was made."
    empty_hint = "Make one on the page of controls, or by POST /api/v1/compliance/reports."
    list_display = ("named", "made_at", "met", "due", "missing")
    phone_columns = ("made_at",)
    search_fields = ("ref", "period", "sha256")
    facts = (
        *("period", "met", "due", "missing", "made_at", "made_by"),
        *("sha256", "workspace", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "made_at": "Made", "sha256": "Hash of its content",
    }  # fmt: skip
    panel_template = "privacy/compliance/panel_report.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("workspace")

    def heading(self, obj: ComplianceReport) -> str:
        return f"Compliance of {obj.workspace}, {obj.period}"

    @admin.display(description="Report", ordering="id")
    def named(self, obj: ComplianceReport) -> str:
        return f"{obj.ref} on {obj.period}"

    @admin.display(description="Met")
    def met(self, obj: ComplianceReport) -> int:
        return int(obj.figures.get("met", 0))

    @admin.display(description="Due")
    def due(self, obj: ComplianceReport) -> int:
        return int(obj.figures.get("due", 0))

    @admin.display(description="Missing")
    def missing(self, obj: ComplianceReport) -> int:
        return int(obj.figures.get("missing", 0))
