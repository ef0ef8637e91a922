"""The console's lists and pages of alerts, incidents and calls."""

from incidents.admin import (
    alert_rules,
    alerts,
    decided,
    incidents,
    knowledge,
    levels,
    messages,
    responses,
    reviews,
    silences,
    sources,
    status,
    updates,
)

__all__ = [
    "alert_rules",
    "alerts",
    "decided",
    "incidents",
    "knowledge",
    "levels",
    "messages",
    "responses",
    "reviews",
    "silences",
    "sources",
    "status",
    "updates",
]
