"""Rows as the API answers them, where they are more than their columns."""

from __future__ import annotations

from typing import Any

from controlplane.base.api.rows import row_of
from missions.api.guarding import toolkit_forms
from missions.models import Mission, MissionToolkit, Safeguard, ToolkitConnection
from missions.services import safeguards
from missions.services.toolkits import why_not

_GUARD = (
    "uid", "title", "category", "description", "severity", "mode", "auto_fix", "params",
    "justification", "status", "reason", "suggested_by", "decided_by", "decided_at", "version",
)  # fmt: skip
_KIT = (
    "uid", "purpose", "mutating", "minimum_scopes", "requested_scopes", "approved_scopes",
    "status", "decided_by", "decided_at", "decision", "attested_at", "attestation", "version",
)  # fmt: skip


def safeguard(row: Safeguard) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in _GUARD}
    template = row.template
    found["template"] = f"{template.slug} v{row.template_number}" if template is not None else ""
    return found


def all_safeguards(mission: Mission) -> dict[str, Any]:
    rows = mission.safeguards.select_related("template").order_by("pk")
    acks = safeguards.standing_acks(mission)
    return {
        "digest": safeguards.digest(mission),
        "acknowledged": [
            {"slot": slot, "by": f"user:{each.person_id}", "at": each.at}
            for slot, each in sorted(acks.items())
        ],
        "items": [safeguard(row) for row in rows],
    }


def toolkit(row: MissionToolkit) -> dict[str, Any]:
    held = row.connections.order_by("-pk").first()
    last = row.inspections.order_by("-inspected_at", "-pk").first()
    found = {name: getattr(row, name) for name in _KIT}
    return found | {
        "toolkit": row.integration.slug,
        "name": row.integration.name,
        "attested_by": f"user:{row.attested_by_id}" if row.attested_by_id else "",
        "connection": connection(held) if held is not None else None,
        "inspection": row_of(toolkit_forms.InspectionRow).from_object(last)
        if last is not None
        else None,
        "refusal": why_not(row),
    }


def connection(row: ToolkitConnection) -> dict[str, Any]:
    return row_of(toolkit_forms.ConnectionRow).from_object(row)
