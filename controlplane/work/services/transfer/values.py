"""Single values of a line, read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from controlplane.lib.errors import Invalid
from controlplane.work.services import reading

# What Go writes for "no time".
_NO_TIME = "0001-01-01T00:00:00"


def listed(found: Mapping[str, Any], name: str) -> list[Any]:
    value = found.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Invalid(f"{name} is a list.")
    return value


def text(name: str, value: Any, longest: int = reading.TEXT) -> str:
    """Whatever was written, as it was: also what a terminal left in it."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid(f"{name} is a text.")
    if len(value) > longest:
        raise Invalid(f"{name} is longer than {longest:,} characters.")
    return value


def moment(name: str, value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    refused = Invalid(f"{name} is a moment such as 2026-01-15T09:30:00Z.")
    if not isinstance(value, str) or len(value) > 50:
        raise refused
    if value.startswith(_NO_TIME):
        return None
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise refused
        at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise refused from None
    if not reading.YEARS[0] <= at.year < reading.YEARS[1]:
        raise refused
    return at
