"""From a decision to the value an OpenFeature client reads, of the type its flag declares.

The providers check types and do not convert: `1` is no float, and a boolean is an integer to some
of them. So what is sent depends on the flag's declared type, not on how the value was stored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

from deployments.flags.engine import Decision


class Unfit(Exception):
    """A value that is not of its flag's type: somebody wrote it past the services."""


def value_of(portal: Mapping[str, Any], decision: Decision) -> Any:
    kind = portal.get("type", "boolean")
    if kind == "boolean":
        side = portal.get("on" if decision.enabled else "off")
        return side if isinstance(side, bool) else decision.enabled
    if not decision.enabled:
        return fit(kind, portal.get("off"))
    if decision.payload is not None:
        try:
            return fit(kind, decision.payload.get("value"))
        except Unfit:
            pass  # a payload meant for others: the flag's own value holds
    return fit(kind, portal.get("on"))


def fit(kind: str, value: Any) -> Any:
    """The value as its type, or `Unfit`. Payloads hold everything as text."""
    if kind == "string":
        if isinstance(value, str):
            return value
        raise Unfit(f"{kind} expected")
    if kind == "object":
        return _object(value)
    if kind == "integer":
        return _integer(value)
    if kind == "float":
        return _float(value)
    if kind == "boolean" and isinstance(value, bool):
        return value
    raise Unfit(f"{kind} expected")


def _object(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise Unfit("object expected") from None
    if isinstance(value, dict | list):
        return value
    raise Unfit("object expected")


def _integer(value: Any) -> int:
    try:
        if isinstance(value, str) and len(value) < 40:
            return int(value)
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            return int(value)
    except ValueError:
        pass
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Unfit("integer expected")


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unfit("float expected")
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise Unfit("float expected") from None
    if not isfinite(found):
        raise Unfit("float expected")
    return found
