"""The JSON encoding, which is not quite protobuf's: ids are hexadecimal, not base64.

64-bit numbers may be texts, names may be `camelCase` or `snake_case`, enums numbers or names,
`null` is as good as absent, unknown fields are nobody's business. A record whose form is wrong is
named and its neighbours come through; above the records the whole body is refused.
"""

from __future__ import annotations

import base64
import binascii
import re
from contextlib import suppress
from typing import Any

import msgspec

from telemetry.ingest.receipts import Problem
from telemetry.otlp.budget import DEPTH, TOO_DEEP, Budget, Malformed
from telemetry.otlp.protobuf import number_of, storable
from telemetry.otlp.schema import ENUMS, LOG_RECORD, SPAN, Field, Message

_RECORDS = (LOG_RECORD, SPAN)
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")
_WHOLE = re.compile(r"-?[0-9]{1,20}")
_VALUES = {
    "stringValue": "string",
    "string_value": "string",
    "boolValue": "bool",
    "bool_value": "bool",
    "intValue": "int",
    "int_value": "int",
    "doubleValue": "double",
    "double_value": "double",
    "arrayValue": "array",
    "array_value": "array",
    "kvlistValue": "map",
    "kvlist_value": "map",
    "bytesValue": "bytes",
    "bytes_value": "bytes",
}


def read(body: bytes, form: Message) -> dict[str, Any]:
    """The message as plain values under our names. Raises `Malformed`."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed("The body is no JSON.", details={"body": str(error)[:200]}) from None
    except RecursionError:
        raise Malformed("The body is nested too deeply.") from None
    return _message(value, form, Budget(), "")


def _message(value: Any, form: Message, budget: Budget, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(path, f"an object, {form.name}")
    found: dict[str, Any] = {}
    budget.spend(len(value) + 1)
    for key, inner in value.items():
        entry = form.by_name.get(key)
        if entry is not None and inner is not None:
            found[entry.name] = _field(inner, entry, budget, f"{path}.{key}" if path else key)
    return found


def _field(value: Any, entry: Field, budget: Budget, path: str) -> Any:
    if entry.kind == "messages":
        return [
            _member(each, entry, budget, f"{path}.{index}")
            for index, each in enumerate(_list(value, path))
        ]
    if entry.kind == "message":
        assert entry.of
        return _message(value, entry.of, budget, path)
    if entry.kind == "attributes":
        return dict(_pair(each, budget, 0, path) for each in _list(value, path))
    if entry.kind == "value":
        return _any(value, budget, 0, path)
    if entry.kind == "nanos":
        return _whole(value, path)
    if entry.kind == "id":
        return _id(value, path)
    if entry.kind == "text":
        return _text(value, path)
    return _enum(value, path)


def _member(value: Any, entry: Field, budget: Budget, path: str) -> Any:
    """A record of the list, or why it is none."""
    assert entry.of
    if entry.of not in _RECORDS:
        return _message(value, entry.of, budget, path)
    try:
        return _message(value, entry.of, budget, path)
    except Malformed as error:
        return Problem("BAD_VALUE", error.message)


def _pair(value: Any, budget: Budget, depth: int, path: str) -> tuple[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(path, "a list of {key, value}")
    budget.spend()
    key = value.get("key")
    inner = value.get("value")
    name = "" if key is None else _text(key, path)
    return name, None if inner is None else _any(inner, budget, depth, path)


def _any(value: Any, budget: Budget, depth: int, path: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(path, "an object like {stringValue: …}")
    budget.spend()
    for key, inner in value.items():
        kind = _VALUES.get(key)
        if kind is None or inner is None:
            continue
        if kind in {"array", "map"}:
            return _nested(inner, kind, budget, depth + 1, path)
        return _scalar(inner, kind, path)
    return None


def _nested(value: Any, kind: str, budget: Budget, depth: int, path: str) -> Any:
    if depth > DEPTH:
        return TOO_DEEP
    if not isinstance(value, dict):
        raise _wrong(path, "an object with values")
    values = value.get("values")
    members = [] if values is None else _list(values, path)
    if kind == "array":
        return [_any(each, budget, depth, path) for each in members]
    return dict(_pair(each, budget, depth, path) for each in members)


def _scalar(value: Any, kind: str, path: str) -> Any:
    if kind == "string":
        return _text(value, path)
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "int":
        return _whole(value, path)
    if kind == "double":
        return _double(value, path)
    if kind == "bytes" and isinstance(value, str):
        digits = value.replace("-", "+").replace("_", "/").rstrip("=")
        with suppress(binascii.Error, ValueError):
            return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True).hex()
    raise _wrong(path, f"a {kind}Value")


def _double(value: Any, path: str) -> float | str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(OverflowError):
            return number_of(float(value))
    elif isinstance(value, str):
        with suppress(ValueError):
            return number_of(float(value))
    raise _wrong(path, "a number")


def _whole(value: Any, path: str) -> int:
    text = isinstance(value, str) and _WHOLE.fullmatch(value)
    if text or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**64:
        raise _wrong(path, "a whole number of 64 bits")
    return value


def _id(value: Any, path: str) -> str:
    if isinstance(value, str) and len(value) <= 64 and _HEX.fullmatch(value):
        return value.lower()
    raise _wrong(path, "hexadecimal digits")


def _text(value: Any, path: str) -> str:
    if isinstance(value, str):
        return storable(value)
    raise _wrong(path, "a text")


def _enum(value: Any, path: str) -> int:
    if isinstance(value, str) and value in ENUMS:
        return ENUMS[value]
    found = _whole(value, path)
    if not 0 <= found < 2**32:
        raise _wrong(path, "a small number")
    return found


def _list(value: Any, path: str) -> list[Any]:
    if isinstance(value, list):
        return value
    raise _wrong(path, "a list")


def _wrong(path: str, wanted: str) -> Malformed:
    return Malformed(
        f"{path[-120:] or 'body'}: must be {wanted}.", details={path[-120:] or "body": wanted}
    )
