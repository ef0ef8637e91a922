"""Variants: names, weights that come to something, payloads that are what they say."""

from __future__ import annotations

from typing import Any

from controlplane.lib import strictjson
from controlplane.lib.errors import ControlPlaneError
from deployments.flags.engine import values
from deployments.flags.forms.problems import Problems

MOST = 50
HEAVIEST = 100_000
PAYLOADS = ("string", "json", "csv", "number")
# What the payloads of a flag's variants must be, so that an SDK which asks for a number gets one.
OF_TYPE = {"string": "string", "integer": "number", "float": "number", "object": "json"}
_KEYS = ("name", "weight", "weightType", "stickiness", "payload", "overrides")


def variants(given: Any, place: str, value_type: str, problems: Problems) -> list[dict[str, Any]]:
    rows = problems.items(given, place, MOST)
    found = [_variant(each, f"{place}.{n}", value_type, problems) for n, each in enumerate(rows)]
    names = [each["name"] for each in found]
    for n, name in enumerate(names):
        if name in names[:n]:
            problems.add(f"{place}.{n}.name", "Another variant has this name.")
    if found and not sum(each["weight"] for each in found):
        problems.add(f"{place}.0.weight", "The weights must come to more than 0.")
    return found


def _variant(given: Any, place: str, value_type: str, problems: Problems) -> dict[str, Any]:
    told = problems.keys(given, place, _KEYS)
    kind = told.get("weightType", "variable")
    if kind not in ("variable", "fix"):
        problems.add(f"{place}.weightType", "Must be variable or fix.")
    found: dict[str, Any] = {
        "name": problems.text(told.get("name", ""), f"{place}.name", most=100, empty=False),
        "weight": problems.whole(told.get("weight"), f"{place}.weight", least=0, most=HEAVIEST),
        "weightType": kind,
        "stickiness": stickiness(
            told.get("stickiness", "default"), f"{place}.stickiness", problems
        ),
        "overrides": _overrides(told.get("overrides", []), f"{place}.overrides", problems),
    }
    payload = told.get("payload")
    if payload is not None:
        found["payload"] = _payload(payload, f"{place}.payload", problems)
    _fits(found.get("payload"), f"{place}.payload", value_type, problems)
    return found


def stickiness(given: Any, place: str, problems: Problems) -> str:
    """What tells people apart: default, random or the name of a field."""
    return problems.name(given, place, empty=False)


def _overrides(given: Any, place: str, problems: Problems) -> list[dict[str, Any]]:
    found = []
    for n, each in enumerate(problems.items(given, place, MOST)):
        told = problems.keys(each, f"{place}.{n}", ("contextName", "values"))
        name = problems.text(
            told.get("contextName", ""), f"{place}.{n}.contextName", most=200, empty=False
        )
        listed = problems.texts(told.get("values", []), f"{place}.{n}.values")
        found.append({"contextName": name, "values": listed})
    return found


def _payload(given: Any, place: str, problems: Problems) -> dict[str, str]:
    told = problems.keys(given, place, ("type", "value"))
    kind = told.get("type", "string")
    value = problems.text(told.get("value", ""), f"{place}.value", most=20_000)
    if kind not in PAYLOADS:
        problems.add(f"{place}.type", f"Must be one of {', '.join(PAYLOADS)}.")
    elif kind == "number" and values.number_limit(value) is None:
        problems.add(f"{place}.value", "Must be a number, as in 12 or 2.5.")
    elif kind == "json" and not _is_json(value):
        problems.add(f"{place}.value", "Must be JSON.")
    return {"type": str(kind), "value": value}


def _is_json(value: str) -> bool:
    try:
        strictjson.loads(value, max_bytes=100_000)
    except ControlPlaneError:
        return False
    return True


def _fits(payload: dict[str, str] | None, place: str, value_type: str, problems: Problems) -> None:
    wanted = OF_TYPE.get(value_type)
    if wanted is None:
        return
    if payload is None:
        problems.add(place, f"Give one of type {wanted}: the flag's value is of type {value_type}.")
    elif payload["type"] != wanted:
        problems.add(f"{place}.type", f"Must be {wanted}: the flag's value is {value_type}.")
    elif value_type == "integer" and not payload["value"].lstrip("+-").isdigit():
        problems.add(f"{place}.value", "Must be a whole number.")
    elif value_type == "object" and not payload["value"].lstrip().startswith("{"):
        problems.add(f"{place}.value", "Must be a JSON object.")
