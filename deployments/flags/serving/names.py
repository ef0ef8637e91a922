"""Names as they come from outside, fit to be kept."""

from __future__ import annotations

from typing import Any

from deployments.flags.models.serving import NAME_LENGTH


def clean(told: Any, most: int = NAME_LENGTH) -> str:
    """One line of what can be shown and stored; empty for what is no text."""
    if not isinstance(told, str):
        return ""
    text = told[: most * 4].strip()
    if not (text.isascii() and text.isprintable()):
        text = "".join(each for each in text if each.isprintable() and _storable(each))
    return text[:most]


def _storable(each: str) -> bool:
    return not "\ud800" <= each <= "\udfff"
