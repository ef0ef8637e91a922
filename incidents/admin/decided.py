"""What was decided while incidents burned, and what was looked at before they were over, of all
incidents together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.contrib import admin

from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.questions import question
from incidents.models import Check, Decision
from incidents.response.checks import KINDS


def _of(column: str, value: str) -> Callable[[Any], Any]:
    return lambda rows: rows.filter(**{column: value})


OfSeverity = question(
    "severity", "severity",
    {f"sev{number}": (f"SEV-{number}", _of("incident__severity", f"sev{number}"))
     for number in range(1, 5)},
)  # fmt: skip
OfKind = question(
    "check", "slug",
    {kind.slug: (kind.label, _of("slug", kind.slug)) for kind in KINDS.values()},
)  # fmt: skip


@admin.register(Decision)
class DecisionAdmin(ModelAdmin[Decision]):
    view_action = "incident.view"
    list_name = "Decisions in incidents"
    about = "What was decided while incidents burned, why, and by whom."
    empty = "Nothing was decided in any incident yet."
    empty_hint = "Note one on an incident's page: POST /api/v1/incidents/INC-1/decisions."
    list_display = ["text", "incident", "why", "decided_by", "at"]
    phone_columns = ("incident", "at")
    list_filter = (OfSeverity, "at")
    list_select_related = ["incident"]
    search_fields = ["text", "why"]
    titled = True
    facts = ("incident", "text", "why", "decided_by", "at", "uid")
    labels: ClassVar[Mapping[str, str]] = {
        "text": "Decided", "why": "Because", "decided_by": "By", "at": "When",
    }  # fmt: skip


@admin.register(Check)
class CheckAdmin(ModelAdmin[Check]):
    view_action = "incident.view"
    list_name = "Checks of incidents"
    about = "What somebody looked at before an incident was over, and whether it works again."
    empty = "Nothing was looked at in any incident yet."
    empty_hint = "Look at something on an incident's page: POST /api/v1/incidents/INC-1/checks."
    list_display = ["kind", "incident", "outcome", "note", "by", "at"]
    phone_columns = ("outcome", "at")
    list_filter = ("outcome", OfKind, OfSeverity, "at")
    list_select_related = ["incident"]
    search_fields = ["note"]
    head_state = "outcome"
    facts = ("incident", "kind", "outcome", "note", "figures", "by", "at", "uid")
    labels: ClassVar[Mapping[str, str]] = {
        "kind": "Check", "note": "Remark", "figures": "Figures kept", "at": "When",
    }  # fmt: skip

    def heading(self, obj: Check) -> str:
        return self.kind(obj)

    @admin.display(description="Check", ordering="slug")
    def kind(self, obj: Check) -> str:
        known = KINDS.get(obj.slug)
        return known.label if known is not None else obj.slug
