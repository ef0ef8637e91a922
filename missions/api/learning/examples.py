"""What the document shows."""

from __future__ import annotations

from typing import Any

FEEDBACK: dict[str, Any] = {
    "rating": 4,
    "satisfaction": 5,
    "effort_saved_minutes": 180,
    "blockers": "The export of the CRM took a day.",
    "text": "I would do it again.",
}
RETROSPECTIVE: dict[str, Any] = {
    "summary": "31 of 200 accounts answered; eleven stay.",
    "went_well": "Nobody was written to twice.",
    "to_improve": "Ask legal before the drafts, not after.",
    "kpi_actual": "31",
    "version": 0,
}
REUSE: dict[str, Any] = {"reuse": "adapt", "reason": "The mails fit every contract that ends."}
FOLLOWUP: dict[str, Any] = {
    "title": "Ask legal for a standing consent",
    "owner": "019a9b2e-7c11-7d6b-9a53-3b1f0c5d2e44",
    "due_on": "2027-04-15",
}
ASSET: dict[str, Any] = {
    "title": "Win-back mails",
    "summary": "Three mails to accounts that went quiet.",
    "category": "template",
    "tags": ["crm"],
    "body": "Ask first what they miss. Offer nothing in the first mail.",
    "playbook": {"steps": [{"toolkit": "mail", "action": "draft"}]},
    "source": "MSN-7",
}
USE: dict[str, Any] = {
    "asset": "019a9b2e-7c11-7d6b-9a53-3b1f0c5d2e44",
    "note": "The first mail, shortened.",
}
TRAINING: dict[str, Any] = {
    "title": "Read drafts as the person who gets them",
    "role": "mission_owner",
    "mission": "MSN-7",
    "due_on": "2027-04-30",
}
SERIES: dict[str, Any] = {
    "cadence": "standup",
    "time_zone": "Asia/Tokyo",
    "at": "09:00",
}
NOTES: dict[str, Any] = {
    "notes": "MSN-7 waits for the CRM; MSN-9 can be signed.",
    "decisions": "MSN-7 goes on without the export.",
    "stages": ["execute_observe"],
    "version": 1,
}
