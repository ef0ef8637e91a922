"""The clock of the machine these agents run on: they are clients, the portal has its own."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)


def told() -> str:
    """As the API reads it."""
    return now().isoformat()
