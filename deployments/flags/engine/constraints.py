"""One condition on one field, as a function of the context.

Whatever is broken in the condition itself (an operator nobody knows, a number that is none, a
pattern RE2 refuses) makes it false, inverted or not: a mistake must not open what it was meant to
narrow. A field the context doesn't have makes the comparison false, and only then it is inverted.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from controlplane.lib import clock
from deployments.flags.engine import values
from deployments.flags.engine.fields import Check, Context, member, reader, text
from deployments.flags.engine.regexes import matcher

Test = Callable[[str], bool | None]  # None: can't be said, false even if inverted
Make = Callable[[Mapping[str, Any]], Test | None]


def never(context: Context) -> bool:
    return False


def fault(told: object) -> str:
    """Why the constraint can never hold, empty if it can: what a form refuses beforehand."""
    if not isinstance(told, Mapping):
        return "it is no condition"
    name, kind = told.get("contextName"), told.get("operator")
    if not isinstance(name, str) or not name:
        return "it names no field"
    if not isinstance(kind, str) or kind not in (*OPERATORS, "IN", "NOT_IN"):
        return "nobody knows its operator"
    if kind in OPERATORS and OPERATORS[kind](told) is None:
        return _FAULTS.get(kind.partition("_")[0], "its list is empty")
    return ""


def compiled(told: object) -> Check:
    """A function that says whether a context meets the constraint."""
    if not isinstance(told, Mapping):
        return never
    name, kind, inverted = told.get("contextName"), told.get("operator"), told.get("inverted")
    if not isinstance(name, str) or not isinstance(kind, str):
        return never
    if kind in ("IN", "NOT_IN"):
        negative = (kind == "NOT_IN") is not (inverted is True)
        return member(name, frozenset(_texts(told)), negative=negative)
    make = OPERATORS.get(kind)
    test = make(told) if make else None
    if test is None:
        return never
    if kind in _DATES and name == "currentTime":
        return _by_the_clock(test, inverted=inverted is True)
    return _check(name, test, inverted=inverted is True)


def _check(name: str, test: Test, *, inverted: bool) -> Check:
    read = reader(name)

    def check(context: Context) -> bool:
        value = read(context)
        if value is None:
            return inverted
        found = test(value)
        return found is not None and found is not inverted

    return check


def _by_the_clock(test: Test, *, inverted: bool) -> Check:
    read = reader("currentTime")

    def check(context: Context) -> bool:
        value = read(context)
        found = test(clock.now().isoformat() if value is None else value)
        return found is not None and found is not inverted

    return check


def _texts(told: Mapping[str, Any]) -> list[str]:
    given = told.get("values")
    if not isinstance(given, list | tuple):
        return []
    return [spelled for value in given if (spelled := text(value)) is not None]


# --- Texts ------------------------------------------------------------------------------------


def _text_test(compare: Callable[[str, tuple[str, ...]], bool]) -> Make:
    def make(told: Mapping[str, Any]) -> Test | None:
        wanted = tuple(_texts(told))
        if not wanted:
            return None
        if told.get("caseInsensitive") is True:
            lower = tuple(value.lower() for value in wanted)
            return lambda value: compare(value.lower(), lower)
        return lambda value: compare(value, wanted)

    return make


def _contains(value: str, wanted: tuple[str, ...]) -> bool:
    return any(part in value for part in wanted)


def _regex(told: Mapping[str, Any]) -> Test | None:
    pattern = told.get("value")
    if not isinstance(pattern, str):
        return None
    return matcher(pattern, any_case=told.get("caseInsensitive") is True)


def _networks(told: Mapping[str, Any]) -> Test | None:
    wanted = _texts(told)
    if not wanted:
        return None
    known = [found for value in wanted if (found := values.network(value)) is not None]

    def test(value: str) -> bool:
        found = values.address(value)
        return found is not None and values.within(found, known)

    return test


# --- What has an order ----------------------------------------------------------------------------


def _ordered(
    read: Callable[[str], Any], strictly: Callable[[str], Any], compare: Callable[[Any, Any], bool]
) -> Make:
    def make(told: Mapping[str, Any]) -> Test | None:
        spelled = text(told.get("value"))
        limit = strictly(spelled) if spelled is not None else None
        if limit is None:
            return None

        def test(value: str) -> bool:
            found = read(value)
            return found is not None and compare(found, limit)

        return test

    return make


_FAULTS = {
    "NUM": "its value is no number",
    "DATE": "its value is no date with a time and a zone, such as 2026-01-31T12:00:00Z",
    "SEMVER": "its value is no version, such as 1.2.3",
    "REGEX": "its value is no pattern that RE2 takes",
}
_DATES = frozenset({"DATE_AFTER", "DATE_BEFORE"})

OPERATORS: Mapping[str, Make] = {
    "STR_STARTS_WITH": _text_test(str.startswith),
    "STR_ENDS_WITH": _text_test(str.endswith),
    "STR_CONTAINS": _text_test(_contains),
    "NUM_EQ": _ordered(values.number, values.number_limit, values.same),
    "NUM_GT": _ordered(values.number, values.number_limit, operator.gt),
    "NUM_GTE": _ordered(values.number, values.number_limit, operator.ge),
    "NUM_LT": _ordered(values.number, values.number_limit, operator.lt),
    "NUM_LTE": _ordered(values.number, values.number_limit, operator.le),
    "DATE_AFTER": _ordered(values.instant, values.instant_limit, operator.gt),
    "DATE_BEFORE": _ordered(values.instant, values.instant_limit, operator.lt),
    "SEMVER_EQ": _ordered(values.version, values.version_limit, operator.eq),
    "SEMVER_GT": _ordered(values.version, values.version_limit, operator.gt),
    "SEMVER_GTE": _ordered(values.version, values.version_limit, operator.ge),
    "SEMVER_LT": _ordered(values.version, values.version_limit, operator.lt),
    "SEMVER_LTE": _ordered(values.version, values.version_limit, operator.le),
    "REGEX": _regex,
    "IN_CIDR": _networks,
}
