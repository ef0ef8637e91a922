"""Conditions in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.flags.engine.fields import text

_LONGEST = 60  # characters of a value that is shown
_MOST = 5  # values of a list that are shown

_LISTS = {
    "IN": ("is {}", "is not {}"),
    "NOT_IN": ("is not {}", "is {}"),
    "STR_STARTS_WITH": ("starts with {}", "doesn't start with {}"),
    "STR_ENDS_WITH": ("ends with {}", "doesn't end with {}"),
    "STR_CONTAINS": ("contains {}", "doesn't contain {}"),
    "IN_CIDR": ("is within {}", "is not within {}"),
}
_SINGLES = {
    "NUM_EQ": ("equals {}", "doesn't equal {}"),
    "NUM_GT": ("is more than {}", "is not more than {}"),
    "NUM_GTE": ("is {} or more", "is not {} or more"),
    "NUM_LT": ("is less than {}", "is not less than {}"),
    "NUM_LTE": ("is {} or less", "is not {} or less"),
    "DATE_AFTER": ("is after {}", "is not after {}"),
    "DATE_BEFORE": ("is before {}", "is not before {}"),
    "SEMVER_EQ": ("is version {}", "is not version {}"),
    "SEMVER_GT": ("is later than version {}", "is not later than version {}"),
    "SEMVER_GTE": ("is version {} or later", "is not version {} or later"),
    "SEMVER_LT": ("is before version {}", "is not before version {}"),
    "SEMVER_LTE": ("is version {} or earlier", "is not version {} or earlier"),
    "REGEX": ("matches {}", "doesn't match {}"),
}


def phrase(told: Mapping[str, Any]) -> str:
    """What the condition asks of its field: `is “eu” or “us”`."""
    kind, side = str(told.get("operator")), 1 if told.get("inverted") is True else 0
    if kind in _LISTS:
        said = _LISTS[kind][side].format(_either(told.get("values")))
    elif kind in _SINGLES:
        said = _SINGLES[kind][side].format(clipped(text(told.get("value")) or ""))
    else:
        return f"is compared by {clipped(kind)}"
    return f"{said} in any case" if told.get("caseInsensitive") is True else said


def _either(values: object) -> str:
    given = values if isinstance(values, list | tuple) else ()
    told = [f"“{clipped(one)}”" for value in given if (one := text(value)) is not None]
    if not told:
        return "anything of an empty list"
    if len(told) > _MOST:
        told = [*told[:_MOST], f"{len(told) - _MOST} more"]
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} or {told[-1]}"


def clipped(value: str) -> str:
    """Short, and something that can be written down."""
    shown = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
    return shown.encode("utf-8", "replace").decode()
