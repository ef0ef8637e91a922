"""What a context says about one field, as text.

A context is a mapping as the public SDKs send it: `userId`, `sessionId`, `environment`, `appName`,
`currentTime` and `remoteAddress` at its top, everything else under `properties` or, as OFREP sends
it, at the top as well; `targetingKey` is another word for `userId`. Rules compare texts, so each
type has one spelling: `true`, `12`, `2.5`, RFC 3339. What has none (a list, a mapping, NaN) is as
if it were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

Context = Mapping[str, Any]
Read = Callable[[Context], str | None]
Check = Callable[[Context], bool]

STANDARD = frozenset(
    {"userId", "sessionId", "environment", "appName", "currentTime", "remoteAddress"}
)
_WHOLE = 1e15  # below, a float without a fraction is spelled as the integer it is
_DIGITS = 4_000  # Python refuses to spell longer integers


def text(value: object) -> str | None:
    """The one spelling of a value, None for what has none."""
    if isinstance(value, str):
        return str.__str__(value)  # of an enum or a lazy text, the characters
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value)) if value.bit_length() < 3 * _DIGITS else None
    if isinstance(value, float):
        return _of_float(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, date | UUID):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() and abs(value.adjusted()) < 400 else None
    return None


def _of_float(value: float) -> str | None:
    if not isfinite(value):
        return None
    return str(int(value)) if value.is_integer() and abs(value) < _WHOLE else repr(value)


def reader(name: str) -> Read:
    """A function that finds the field in a context."""
    if name == "userId":
        return _user
    return _standard(name) if name in STANDARD else _property(name)


def _user(context: Context) -> str | None:
    value = context.get("userId")
    if value.__class__ is str:
        return value
    if value is None:
        value = context.get("targetingKey")
    return None if value is None else text(value)


def _standard(name: str) -> Read:
    def read(context: Context) -> str | None:
        value = context.get(name)
        if value.__class__ is str:
            return value
        return None if value is None else text(value)

    return read


def _property(name: str) -> Read:
    def read(context: Context) -> str | None:
        properties = context.get("properties")
        value = None
        if properties is not None and (
            properties.__class__ is dict or isinstance(properties, Mapping)
        ):
            value = properties.get(name)
        if value is None:
            value = context.get(name)
        if value.__class__ is str:
            return value
        return None if value is None else text(value)

    return read


def member(name: str, among: frozenset[str], *, negative: bool = False) -> Check:
    """Whether the field is one of these: the usual condition, so with as few calls as can be."""
    read = reader(name)
    if name in STANDARD:

        def check(context: Context) -> bool:
            value = context.get(name)
            if value.__class__ is not str:
                value = read(context)
            return (value in among) is not negative

    else:

        def check(context: Context) -> bool:
            properties = context.get("properties")
            value = properties.get(name) if properties.__class__ is dict else context.get(name)
            if value.__class__ is not str:
                value = read(context)
            return (value in among) is not negative

    return check


def flattened(context: object) -> dict[str, str]:
    """Every field as text at the top: what many questions about one context start from, and what
    is left of something that only looks like a context."""
    flat: dict[str, str] = {}
    if isinstance(context, Mapping):
        _take(flat, context)
        properties = context.get("properties")
        if isinstance(properties, Mapping):
            _take(flat, {k: v for k, v in properties.items() if k not in STANDARD})
    return flat


def _take(flat: dict[str, str], values: Mapping[Any, Any]) -> None:
    for name, value in values.items():
        spelled = value if value.__class__ is str else text(value)
        if spelled is not None and isinstance(name, str):
            flat[name] = spelled
