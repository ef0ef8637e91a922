"""The playbook's three environments, as a new workspace gets them."""

from __future__ import annotations

from typing import Any

PLAYBOOK: tuple[dict[str, Any], ...] = (
    {
        "slug": "local",
        "name": "Local",
        "order": 1,
        "purpose": "Development and testing",
        "update_frequency": "On demand",
        "data_class": "seeded",
        "debug_allowed": True,
    },
    {
        "slug": "staging",
        "name": "Staging",
        "order": 2,
        "purpose": "Validation before production",
        "update_frequency": "With every merged pull request",
        "data_class": "sanitised",
        "data_refresh_days": 7,
        "debug_allowed": True,
    },
    {
        "slug": "production",
        "name": "Production",
        "order": 3,
        "purpose": "Live user traffic",
        "update_frequency": "Scheduled releases, two or three a week",
        "data_class": "real",
        "needs_approval": True,
        "releases_per_week": 3,
    },
)
