"""What stands in the way of a ticket's next step, in sentences."""

from __future__ import annotations

from typing import Any

_INCIDENT_OVER = ("resolved", "review_pending", "closed", "merged", "cancelled")


def noted(ticket: Any) -> list[str]:
    """Nothing ends without a word of what it was."""
    return [] if ticket.resolution.strip() else ["Say how it was resolved."]


def may_resolve(ticket: Any) -> list[str]:
    return [*noted(ticket), *incident_is_over(ticket)]


def incident_is_over(ticket: Any) -> list[str]:
    incident = ticket.incident
    if ticket.status != "escalated" or incident is None or incident.status in _INCIDENT_OVER:
        return []
    return [f"{incident.ref} is not resolved yet."]
