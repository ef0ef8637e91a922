"""What the document shows."""

from __future__ import annotations

from typing import Any

UNDO: dict[str, Any] = {
    "label": "Take tags and drafts away",
    "impact": "Nobody has seen them yet.",
    "window_minutes": 60,
    "steps": [
        {
            "play_step": 2,
            "action": "Tags on accounts",
            "inverse": "Remove the tag win-back from each account of the list.",
            "verify": "No account has the tag win-back.",
        },
        {
            "action": "Tags by hand",
            "inverse": "Ask the owner of the CRM to restore last night's copy of the tags.",
            "verify": "No account has the tag win-back.",
            "alternate": True,
        },
    ],
}
PLAYS: dict[str, Any] = {
    "plays": [
        {
            "key": "drafts-first",
            "rank": 1,
            "title": "Draft first, let people send",
            "rationale": "Nothing leaves before somebody read it.",
            "impact": "200 drafts, 20 answers expected",
            "confidence": "0.82",
            "effort": "low",
            "risk": "low",
            "precedents": [{"id": "PLAY-17", "title": "Spring campaign", "similarity": "0.71"}],
            "steps": [
                {"toolkit": "crm", "action": "list_accounts", "summary": "Who went quiet"},
                {
                    "toolkit": "crm",
                    "action": "tag_accounts",
                    "summary": "Mark them as win-back",
                    "mutating": True,
                },
            ],
            "undo": UNDO,
        }
    ],
    "method": "agent",
    "critique": "The second play was too dear for what it brings.",
}
SELECT: dict[str, Any] = {"reason": "The safest of the three."}
NOTES: dict[str, Any] = {
    "risk_notes": "Account managers may wonder about the tag.",
    "sla_impact": "None: the CRM's limits leave enough for others.",
}
RISK: dict[str, Any] = {
    "title": "The wrong accounts are tagged",
    "likelihood": 2,
    "impact": 3,
    "reversibility": "full",
    "mitigation": "The list is compared with last year's before anything is tagged.",
}
RISK_CHANGE: dict[str, Any] = {"likelihood": 1, "mitigation": "The list is read by two people."}
HOOKS: dict[str, Any] = {
    "passed": True,
    "details": "execution_started, undo_available and execution_step_completed arrive.",
}
DUTY: dict[str, Any] = {
    "person": "0192f0c1-5a3e-7c11-9f7b-3b2a5d1c9e01",
    "starts_at": "2026-11-23T08:00:00Z",
    "ends_at": "2026-11-23T18:00:00Z",
    "note": "Until the last draft is read.",
}
RUN: dict[str, Any] = {"external_id": "exec-2026-11-23-a", "estimated_seconds": 900}
FINISH: dict[str, Any] = {"outcome": "200 drafts are there."}
DISPATCH: dict[str, Any] = {
    "external_id": "tag-0001",
    "play_step": 2,
    "arguments": {"list": "quiet-2026", "tag": "win-back"},
}
STEPS: dict[str, Any] = {
    "steps": [
        {
            "external_id": "list-0001",
            "status": "succeeded",
            "sequence": 2,
            "play_step": 1,
            "toolkit": "crm",
            "action": "list_accounts",
            "started_at": "2026-11-23T09:00:00Z",
            "ended_at": "2026-11-23T09:00:02Z",
            "latency_ms": 1840,
        },
        {
            "external_id": "tag-0001",
            "status": "failed",
            "sequence": 2,
            "error_code": "RATE_LIMIT_EXCEEDED",
        },
    ]
}
UNDO_RUN: dict[str, Any] = {"reason": "The list was last year's.", "drill": False}
ATTEMPTS: dict[str, Any] = {
    "attempts": [{"step": 1, "result": "done", "note": "200 tags removed.", "external_id": "u-1"}]
}
