"""What is signed of a window: its time, its way back, its work and which rules it goes without."""

from __future__ import annotations

from typing import Any

from controlplane.approvals import services as approvals
from deployments.maintenance import standing
from deployments.models import MaintenanceWindow

# Who watches and whether everybody was told is asked when it begins: nobody signs that.
SIGNED_RULES = frozenset({"lead", "hours", "tested"})


def packet_of(window: MaintenanceWindow) -> dict[str, Any]:
    parts = window.parts.select_related("service").order_by("service__slug")
    return {
        "window": window.ref,
        "kind": window.kind,
        "summary": window.title,
        "about": window.about,
        "environment": window.environment.slug,
        "services": [part.service.slug for part in parts],
        "starts_at": window.starts_at.isoformat(),
        "ends_at": window.ends_at.isoformat(),
        "user_facing": window.user_facing,
        "rollback_plan": window.rollback_plan,
        "tested_in_staging": window.test_evidence,
        "trigger": window.trigger,
        "urgency": window.urgency,
        "impact": window.impact,
        "tasks": [f"{task.key} {task.title}" for task in standing.tasks(window)],
        "waived": [
            {"rule": each["rule"], "why": each["reason"]}
            for each in window.waived
            if each["rule"] in SIGNED_RULES
        ],
    }


def stands(window: MaintenanceWindow) -> bool:
    """Whether what was asked is what would be done now. Its work is changed in many places that
    know nothing of windows, so this is looked at anew whenever it matters."""
    return approvals.stands(window.approval, packet_of(window))
