"""What a flag itself says: its name, the type of its value and the values of both sides."""

from __future__ import annotations

from typing import Any

from deployments.flags.forms.problems import Problems, refuse_large

DEFAULTS: dict[str, tuple[Any, Any]] = {
    "boolean": (False, True),
    "string": ("off", "on"),
    "integer": (0, 1),
    "float": (0.0, 1.0),
    "object": ({}, {"on": True}),
}
_WORDS = {
    "boolean": "true or false",
    "string": "a text",
    "integer": "a whole number",
    "float": "a number",
    "object": "an object",
}
_SAFE = 2**53  # beyond it a JSON number is another one for half of the SDKs


def check_values(value_type: str, off: Any, on: Any) -> None:
    problems = Problems()
    for place, value in (("off_value", off), ("on_value", on)):
        refuse_large(value, place, problems)
        if not problems.found.get(place) and not _is(value_type, value):
            problems.add(place, f"Must be {_WORDS[value_type]}.")
    if value_type == "boolean" and not problems.found and (off, on) != (False, True):
        problems.add("on_value", "Off is false and on is true.")
    problems.done()


def _is(value_type: str, value: Any) -> bool:
    if value_type == "boolean":
        return isinstance(value, bool)
    if value_type == "string":
        return isinstance(value, str) and "\x00" not in value
    if value_type == "object":
        return isinstance(value, dict)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= _SAFE if value_type == "float" else _is_whole(value)


def _is_whole(value: int | float) -> bool:
    return isinstance(value, int) and abs(value) <= _SAFE
