"""What the document shows."""

from __future__ import annotations

from typing import Any

NEW: dict[str, Any] = {
    "title": "Win back dormant accounts",
    "intent": "Write to accounts that went quiet and ask what they miss.",
    "mission_type": "outreach",
    "persona": "Customer success",
    "priority": 1,
    "due_on": "2027-03-31",
    "external_ref": "crm-campaign-311",
    "brief": {
        "objective": "Draft mails to 200 accounts that went quiet.",
        "audience": "Dormant accounts in the EU.",
        "business_objective": "Win back a tenth of them.",
        "kpi_name": "Accounts that answer",
        "kpi_unit": "accounts",
        "kpi_baseline": "4",
        "kpi_target": "20",
        "kpi_direction": "up",
        "kpi_deadline": "2027-03-31",
        "timeline": "Two weeks.",
        "confidence": "0.82",
    },
}
BRIEF: dict[str, Any] = {
    "kpi_target": "25",
    "timeline": "Three weeks; the first drafts after one.",
    "version": 3,
}
TICK: dict[str, Any] = {
    "note": "Read with the account team.",
    "evidence": [{"label": "Minutes", "link": "https://docs.example.org/minutes/7"}],
}
LINK: dict[str, Any] = {
    "label": "Intake validation",
    "link": "docs/readiness/define_intake_validation.md",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
BACK: dict[str, Any] = {"to": "prepare", "reason": "The scope for mails is wider than needed."}
IMPORT: dict[str, Any] = {
    "missions": [
        {
            "external_ref": "legacy-77",
            "title": "Enrich the trade fair's leads",
            "stage": "Governed Execution",
            "status": "in_progress",
            "started_at": "2026-09-01T08:00:00Z",
            "visits": [
                {
                    "stage": "Mission Brief",
                    "entered_at": "2026-09-01T08:00:00Z",
                    "left_at": "2026-09-02T10:00:00Z",
                    "outcome": "completed",
                }
            ],
        }
    ]
}
