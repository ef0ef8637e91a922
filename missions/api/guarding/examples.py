"""What the document shows."""

from __future__ import annotations

from typing import Any

TEMPLATE: dict[str, Any] = {
    "slug": "no-calls-at-night",
    "title": "Nobody is called at night",
    "category": "safety",
    "description": "No call and no message between 20:00 and 8:00 where the person lives.",
    "severity": "high",
    "mode": "enforced",
    "params": {"from": "20:00", "to": "08:00"},
    "is_default": True,
}
SAFEGUARD: dict[str, Any] = {
    "title": "Drafts only",
    "category": "brand",
    "severity": "high",
    "mode": "enforced",
    "justification": "The account team wants to read each mail first.",
    "reason_code": "brief",
}
DECIDE: dict[str, Any] = {
    "to": "edited",
    "mode": "hint",
    "reason": "Read by the account team anyway.",
    "version": 1,
}
FINDINGS: dict[str, Any] = {
    "findings": [
        {
            "external_id": "run-7/step-12/rate",
            "phase": "postflight",
            "result": "auto_fixed",
            "severity": "medium",
            "message": "64 calls in a minute; slowed down.",
            "step": "run-7/step-12",
            "toolkit": "mail",
            "auto_fix_attempted": True,
            "auto_fix_success": True,
        },
        {
            "external_id": "run-7/step-13/unread",
            "phase": "preflight",
            "result": "failed",
            "severity": "high",
            "message": "A mail would have been sent that nobody read.",
            "step": "run-7/step-13",
            "toolkit": "mail",
            "details": {"recipients": 2},
        },
    ]
}
OVERRIDE: dict[str, Any] = {
    "kind": "gate",
    "subject": "toolkits_decided",
    "reason": "This one is written by hand: it needs no toolkit.",
}
GRANT: dict[str, Any] = {"to": "granted", "reason": "Agreed for this one.", "version": 1}
TOOLKIT: dict[str, Any] = {
    "toolkit": "gmail",
    "purpose": "Drafts of mails to dormant accounts.",
    "requested_scopes": ["mail.draft", "mail.read"],
    "minimum_scopes": ["mail.draft"],
    "mutating": True,
}
INSPECTION: dict[str, Any] = {
    "external_id": "look-2027-01-12",
    "source": "Contacts of the EU",
    "read_only": True,
    "proof": "GET only; the key has no other scope.",
    "coverage_percent": "91.50",
    "sample_count": 400,
    "freshness_at": "2026-11-20T06:00:00Z",
    "pii_flags": ["email"],
    "duplicates": 3,
    "duration_ms": 5400,
    "result": "pass",
}
CONNECTION: dict[str, Any] = {"link_id": "link-7", "requested_scopes": ["mail.draft", "mail.read"]}
GRANTED: dict[str, Any] = {"granted_scopes": ["mail.draft", "mail.read"]}
SESSION: dict[str, Any] = {
    "version": 3,
    "key": "router-5",
    "snapshot": {"done": ["draft-1", "draft-2"], "next": "draft-3"},
    "tokens": 48210,
    "lag_ms": 120,
    "creation_ms": 640,
}
DISCOVERIES: dict[str, Any] = {"questions": ["tag accounts in the CRM", "draft a mail"]}
DISCOVERED: dict[str, Any] = {
    "seen": "4",
    "found": [
        {
            "question": "draft a mail",
            "tools": [
                {"tool": "GMAIL_CREATE_DRAFT", "toolkit": "gmail", "detail": "Makes a draft."}
            ],
        }
    ],
}
