"""What people and programs give: one form of a text, or a refusal with the field named."""

from __future__ import annotations

from typing import Any

from controlplane.lib.errors import Invalid

LONG = 16_000  # what the redactor keeps of a text
_REASONS = frozenset({"reason", "comment"})


def refuse(field: str, sentence: str) -> Invalid:
    return Invalid(f"{field}: {sentence}", details={field: sentence})


def text(field: str, value: Any, most: int = LONG, *, required: bool = False) -> str:
    if not isinstance(value, str):
        raise refuse(field, "A text.")
    if "\0" in value:
        raise refuse(field, "Holds a NUL character.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise refuse(field, "Holds half of a character (a lone surrogate).") from None
    given: str = value.strip()
    if required and not given:
        raise refuse(field, "Say why." if field in _REASONS else "Missing.")
    if len(given) > most:
        raise refuse(field, f"At most {most:,} characters.")
    return given


def line(field: str, value: Any, most: int, *, required: bool = False) -> str:
    return " ".join(text(field, value, most, required=required).split())
