"""The policy templates a workspace begins with. Theirs to change, retire and add to."""

from __future__ import annotations

from typing import Any

TEMPLATES: tuple[dict[str, Any], ...] = (
    {
        "slug": "no-send-unread",
        "title": "Nothing leaves the house before somebody read it",
        "category": "brand",
        "description": "Mails, posts and answers are drafts until a person has released them.",
        "severity": "high",
        "mode": "enforced",
        "is_default": True,
    },
    {
        "slug": "personal-data",
        "title": "Personal data stays where it is",
        "category": "privacy",
        "description": "Nothing about a person is copied into prompts, logs or evidence; what is "
        "shown of it is redacted.",
        "severity": "critical",
        "mode": "enforced",
        "auto_fix": True,
        "is_default": True,
    },
    {
        "slug": "data-coverage",
        "title": "The data covers enough",
        "category": "data",
        "description": "Plans rest on what is there. Below the percentage somebody decides.",
        "severity": "medium",
        "mode": "hint",
        "params": {"minimum_percent": 85},
        "is_default": True,
    },
    {
        "slug": "call-rate",
        "title": "Calls keep to a rate",
        "category": "rate",
        "description": "No toolkit is called more often than this in a minute.",
        "severity": "medium",
        "mode": "enforced",
        "auto_fix": True,
        "params": {"max_calls_per_minute": 60},
        "is_default": True,
    },
    {
        "slug": "spending",
        "title": "No money is spent",
        "category": "money",
        "description": "Nothing is bought, booked or paid, and no limit is raised.",
        "severity": "critical",
        "mode": "enforced",
    },
    {
        "slug": "least-scopes",
        "title": "No more scopes than the work needs",
        "category": "access",
        "description": "What a connection holds beyond what was approved is given back.",
        "severity": "high",
        "mode": "enforced",
    },
)
