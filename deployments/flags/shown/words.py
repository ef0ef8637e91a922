"""A flag in one environment, said as a sentence: "On for 10 % of tenants in Europe"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NAMED = 3  # values said one by one; of more, how many there are
LONGEST = 40
# What an operator says of a field, and what it says when it is turned round.
OPERATORS: Mapping[str, tuple[str, str]] = {
    "IN": ("is one of", "is none of"),
    "NOT_IN": ("is none of", "is one of"),
    "STR_CONTAINS": ("contains", "does not contain"),
    "STR_STARTS_WITH": ("begins with", "does not begin with"),
    "STR_ENDS_WITH": ("ends with", "does not end with"),
    "NUM_EQ": ("equals", "does not equal"),
    "NUM_GT": ("is more than", "is at most"),
    "NUM_GTE": ("is at least", "is less than"),
    "NUM_LT": ("is less than", "is at least"),
    "NUM_LTE": ("is at most", "is more than"),
    "DATE_AFTER": ("is after", "is not after"),
    "DATE_BEFORE": ("is before", "is not before"),
    "SEMVER_EQ": ("is version", "is not version"),
    "SEMVER_GT": ("is newer than version", "is at most version"),
    "SEMVER_GTE": ("is at least version", "is older than version"),
    "SEMVER_LT": ("is older than version", "is at least version"),
    "SEMVER_LTE": ("is at most version", "is newer than version"),
    "REGEX": ("matches", "does not match"),
    "IN_CIDR": ("is in the network", "is outside the network"),
}
LISTS = frozenset({"IN", "NOT_IN", "STR_CONTAINS", "STR_STARTS_WITH", "STR_ENDS_WITH", "IN_CIDR"})
_SAID = {"IN": "is", "NOT_IN": "is not"}
_UNITS = {
    "": "users",
    "default": "users",
    "userid": "users",
    "sessionid": "sessions",
    "random": "calls, by chance",
}
_TAIL = re.compile(r"(?:[_\s-]?(?:id|key))$", re.IGNORECASE)
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\s-]+")


def clipped(text: Any, most: int = LONGEST) -> str:
    words = " ".join(str(text).split())
    return words if len(words) <= most else f"{words[: most - 1]}…"


def listed(values: Iterable[Any], *, last: str = "or", most: int = NAMED) -> str:
    """ "EU, US or UK"; of many the first ones and how many more."""
    said = [clipped(value) for value in values]
    if len(said) > most:
        return f"{', '.join(said[:most])} and {len(said) - most} more"
    return f" {last} ".join(part for part in (", ".join(said[:-1]), *said[-1:]) if part)


def units(stickiness: str) -> str:
    """Whom a share is counted in: `tenantId` keeps tenants together."""
    name = str(stickiness or "").strip()
    known = _UNITS.get(name.lower())
    if known is not None:
        return known
    word = _TAIL.sub("", " ".join(_HUMPS.sub(" ", name).split())).strip().lower() or name
    return f"{clipped(word)}s" if not word.endswith("s") else clipped(word)


def field(name: Any) -> str:
    return clipped(name) or "an unnamed field"


def constraint(given: Mapping[str, Any]) -> str:
    operator = str(given.get("operator", ""))
    turned = bool(given.get("inverted"))
    values = given.get("values") or []
    if operator in LISTS and not isinstance(values, list):
        values = [values]
    shown = listed(values) if operator in LISTS else clipped(given.get("value", ""))
    says = OPERATORS.get(operator)
    if says is None:
        return f"{field(given.get('contextName'))} {clipped(operator)} {shown}".strip()
    words = says[turned]
    if operator in _SAID and len(values) == 1:
        words = _SAID["NOT_IN" if (operator == "NOT_IN") != turned else "IN"]
    return f"{field(given.get('contextName'))} {words} {shown or '(nothing)'}"


def conditions(rule: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Whom the rule is about: "in Europe where plan is pro". Empty: everybody."""
    inside = [f"in {clipped(names.get(slug, slug))}" for slug in _texts(rule.get("segments"))]
    where = [constraint(each) for each in _maps(rule.get("constraints"))]
    said = " and ".join(inside)
    if where:
        asked = " and ".join(where[:NAMED])
        more = len(where) - NAMED
        said += f" where {asked}" + (f" and {more} more conditions" if more > 0 else "")
    return said.strip()


def share(rule: Mapping[str, Any]) -> float:
    given = rule.get("percent", 100)
    return given if isinstance(given, int | float) and not isinstance(given, bool) else 100


def rule(given: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str:
    """ "10 % of tenants in Europe where plan is pro"."""
    whom, percent = units(str(given.get("stickiness", ""))), share(given)
    only = conditions(given, names or {})
    if percent >= 100 and not only:
        return "everybody"
    if percent <= 0:
        return f"0 % of {whom} {only}".strip()
    if percent < 100:
        return f"{percent:g} % of {whom} {only}".strip()
    return f"everybody {only}"


def variants(given: Any) -> str:
    """ "blue 50 %, green 50 %"."""
    shares = weights(given)
    said = [f"{clipped(name)} {percent:g} %" for name, percent in shares[:5]]
    more = len(shares) - 5
    return ", ".join(said) + (f" and {more} more" if more > 0 else "")


def weights(given: Any) -> list[tuple[str, float]]:
    found = [(str(each.get("name", "")), _weight(each)) for each in _maps(given)]
    whole = sum(weight for _, weight in found)
    if not whole:
        return [(name, 0.0) for name, _ in found]
    return [(name, round(weight * 100 / whole, 1)) for name, weight in found]


def _weight(variant: Mapping[str, Any]) -> float:
    weight = variant.get("weight", 0)
    good = isinstance(weight, int | float) and not isinstance(weight, bool)
    return max(0.0, float(weight)) if good else 0.0


def prerequisite(given: Mapping[str, Any]) -> str:
    name = clipped(given.get("flag", ""))
    if given.get("enabled") is False:
        return f"{name} is off"
    asked = _texts(given.get("variants"))
    return f"{name} is on as {listed(asked)}" if asked else f"{name} is on"


def sentence(settings: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str:
    """How a flag stands in one environment. Without the full stop: what follows is since when."""
    if not settings.get("on"):
        return "Off"
    rules = [each for each in _maps(settings.get("rules")) if not each.get("disabled")]
    allowed, denied = _texts(settings.get("allow")), _texts(settings.get("deny"))
    parts = [f"On for {_whom(settings, rules, allowed, names or {})}"]
    if rules and allowed:
        parts.append(f"always for {_people(allowed)}")
    if denied:
        parts.append(f"never for {_people(denied)}")
    if split := variants(settings.get("variants")):
        parts.append(f"as {split}")
    if needed := [prerequisite(each) for each in _maps(settings.get("requires"))]:
        parts.append(f"only while {listed(needed, last='and')}")
    return "; ".join(parts)


def _whom(
    settings: Mapping[str, Any],
    rules: Sequence[Mapping[str, Any]],
    allowed: Sequence[str],
    names: Mapping[str, str],
) -> str:
    if rules:
        said = list(dict.fromkeys(rule(each, names) for each in rules))
        more = len(said) - NAMED
        return " and for ".join(said[:NAMED]) + (f" and {more} more rules" if more > 0 else "")
    if _maps(settings.get("rules")):  # all of them set aside
        return _people(allowed) if allowed else "nobody"
    return _people(allowed) if allowed else "everybody"


def _people(ids: Sequence[str]) -> str:
    return listed(ids, last="and") if len(ids) <= NAMED else f"{len(ids)} named ones"


def _maps(given: Any) -> list[Mapping[str, Any]]:
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []


def _texts(given: Any) -> list[str]:
    return [str(each) for each in given] if isinstance(given, list) else []
