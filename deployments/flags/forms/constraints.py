"""Constraints, checked by the parsers that will read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deployments.flags.engine import values
from deployments.flags.engine.constraints import fault
from deployments.flags.engine.regexes import matcher
from deployments.flags.forms.problems import Problems

MOST = 30
KEYS = ("contextName", "operator", "values", "value", "caseInsensitive", "inverted")
# Operators that compare with a list, and those that compare with one value.
LISTS = frozenset({"IN", "NOT_IN", "STR_STARTS_WITH", "STR_ENDS_WITH", "STR_CONTAINS", "IN_CIDR"})
_Reads = Callable[[str], object]
_SINGLE: dict[str, tuple[_Reads, str]] = {
    "NUM": (values.number_limit, "Must be a number, as in 12 or 2.5."),
    "DATE": (values.instant_limit, "Must be a time with its zone, as in 2026-12-01T09:00:00Z."),
    "SEMVER": (values.version_limit, "Must be a version, as in 1.4.0 or 2.0.0-beta.1."),
}
SINGLES: dict[str, tuple[_Reads, str]] = {
    **{f"NUM_{each}": _SINGLE["NUM"] for each in ("EQ", "GT", "GTE", "LT", "LTE")},
    **{f"SEMVER_{each}": _SINGLE["SEMVER"] for each in ("EQ", "GT", "GTE", "LT", "LTE")},
    **{f"DATE_{each}": _SINGLE["DATE"] for each in ("AFTER", "BEFORE")},
    "REGEX": (
        lambda text: matcher(text, any_case=False),
        "Must be a regular expression of RE2: without look-around and back-references.",
    ),
}
OPERATORS = (*sorted(LISTS), *sorted(SINGLES))


def constraints(given: Any, place: str, problems: Problems) -> list[dict[str, Any]]:
    rows = problems.items(given, place, MOST)
    return [constraint(each, f"{place}.{n}", problems) for n, each in enumerate(rows)]


def constraint(given: Any, place: str, problems: Problems) -> dict[str, Any]:
    """One condition, as the SDKs spell it."""
    told = problems.keys(given, place, KEYS)
    name = problems.name(told.get("contextName", ""), f"{place}.contextName", empty=False)
    kind = told.get("operator")
    found: dict[str, Any] = {
        "contextName": name,
        "operator": kind,
        "inverted": problems.flag(told.get("inverted", False), f"{place}.inverted"),
        "caseInsensitive": problems.flag(
            told.get("caseInsensitive", False), f"{place}.caseInsensitive"
        ),
    }
    if isinstance(kind, str) and kind in LISTS:
        found["values"] = _list(kind, told.get("values", []), f"{place}.values", problems)
        _unused(told, "value", place, problems)
    elif isinstance(kind, str) and kind in SINGLES:
        found["value"] = _single(kind, told.get("value", ""), f"{place}.value", problems)
        _unused(told, "values", place, problems)
    else:
        problems.add(f"{place}.operator", f"Must be one of {', '.join(OPERATORS)}.")
    # Whatever else the engine could never meet.
    if not any(where.startswith(f"{place}.") for where in problems.found) and fault(found):
        problems.add(place, f"It could never hold: {fault(found)}.")
    return found


def _list(kind: str, given: Any, place: str, problems: Problems) -> list[str]:
    found = problems.values(given, place)
    if not found:
        problems.add(place, "Give at least one value.")
    if kind == "IN_CIDR":
        for n, each in enumerate(found):
            if values.network(each) is None:
                problems.add(f"{place}.{n}", "Must be an address or a block, as in 10.0.0.0/8.")
    return found


def _single(kind: str, given: Any, place: str, problems: Problems) -> str:
    text = problems.text(given, place, empty=False)
    reads, sentence = SINGLES[kind]
    if text and reads(text) is None:
        problems.add(place, sentence)
    return text


def _unused(told: Any, key: str, place: str, problems: Problems) -> None:
    """An SDK would never look at it: somebody meant something else."""
    if told.get(key) not in (None, "", []):
        problems.add(f"{place}.{key}", "This operator does not look at it.")
