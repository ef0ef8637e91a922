"""Reading a moment that a person or a caller wrote."""

from __future__ import annotations

from datetime import UTC, datetime

from controlplane.lib.errors import Invalid


def moment(text: str | None) -> datetime | None:
    """ISO 8601; without a zone it is UTC, a bare day is its start."""
    if not text:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a time in ISO 8601") from error
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as error:
        raise Invalid(f"{text!r} is out of range") from error
