"""The binary encoding: a reader for the messages in `schema`, and a writer for what is answered.

By hand, because it is little: the four wire types that OTLP uses, no generated classes, no
dependency, and limits of our own on size and depth. As everywhere in protobuf, a known field with
another wire type counts as unknown. Invalid UTF-8 is replaced: a broken byte in one attribute is
no reason to lose a batch.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

from telemetry.otlp.budget import DEPTH, TOO_DEEP, Budget, Malformed
from telemetry.otlp.schema import Field, Message

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIRE = {
    "text": _BYTES,
    "id": _BYTES,
    "enum": _VARINT,
    "count": _VARINT,
    "nanos": _FIXED64,
    "value": _BYTES,
    "attributes": _BYTES,
    "message": _BYTES,
    "messages": _BYTES,
}
_double = struct.Struct("<d").unpack_from
Raw = tuple[int, int, int, int]  # field number, wire type, value or start, end


def read(body: bytes, form: Message) -> dict[str, Any]:
    """The message as plain values under our names. Raises `Malformed`."""
    return _message(body, 0, len(body), form, Budget())


def _message(body: bytes, start: int, end: int, form: Message, budget: Budget) -> dict[str, Any]:
    found: dict[str, Any] = {}
    known = form.by_number
    for number, wire, value, stop in _fields(body, start, end, budget):
        entry = known.get(number)
        if entry is None or _WIRE[entry.kind] != wire:
            continue
        if entry.kind == "messages":
            assert entry.of
            part = _message(body, value, stop, entry.of, budget)
            found.setdefault(entry.name, []).append(part)
        elif entry.kind == "attributes":
            key, attribute = _pair(body, value, stop, budget, 0)
            found.setdefault(entry.name, {})[key] = attribute
        else:
            found[entry.name] = _single(body, value, stop, entry, budget)
    return found


def _single(body: bytes, value: int, stop: int, entry: Field, budget: Budget) -> Any:
    if entry.kind == "text":
        return _text(body, value, stop)
    if entry.kind == "id":
        return body[value:stop].hex()
    if entry.kind == "value":
        return _any(body, value, stop, budget, 0)
    if entry.kind == "message":
        assert entry.of
        return _message(body, value, stop, entry.of, budget)
    if entry.kind == "nanos":
        return value
    return value & 0xFFFFFFFF


def _fields(body: bytes, pos: int, end: int, budget: Budget) -> Iterator[Raw]:
    """Every field between two positions. A value that is bytes is given as where it lies."""
    while pos < end:
        budget.values -= 1
        if budget.values < 0:
            raise budget.exceeded()
        key = body[pos]
        pos += 1
        if key & 0x80:
            key, pos = _varint(body, pos - 1, end)
        wire = key & 7
        if wire == _BYTES:
            size, pos = _varint(body, pos, end)
            stop = pos + size
            yield key >> 3, wire, pos, stop if stop <= end else _cut()
            pos = stop
        elif wire == _VARINT:
            value, pos = _varint(body, pos, end)
            yield key >> 3, wire, value, pos
        elif wire in {_FIXED64, _FIXED32}:
            stop = pos + (8 if wire == _FIXED64 else 4)
            value = int.from_bytes(body[pos:stop], "little") if stop <= end else _cut()
            yield key >> 3, wire, value, stop
            pos = stop
        else:
            raise Malformed(f"The body is no protobuf: wire type {wire} at byte {pos - 1}.")


def _cut() -> int:
    raise Malformed("The body is no protobuf: a field is longer than what holds it.")


def _varint(body: bytes, pos: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while pos < end:
        byte = body[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, pos
        shift += 7
        if shift > 63:
            raise Malformed(f"The body is no protobuf: a number without end at byte {pos}.")
    return _cut(), pos


def _text(body: bytes, start: int, end: int) -> str:
    return storable(body[start:end].decode("utf-8", "replace"))


def storable(text: str) -> str:
    """PostgreSQL has no NUL in texts."""
    return text.replace("\x00", "\ufffd") if "\x00" in text else text


def _pair(body: bytes, start: int, end: int, budget: Budget, depth: int) -> tuple[str, Any]:
    key, value = "", None
    for number, wire, at, stop in _fields(body, start, end, budget):
        if wire == _BYTES and number == 1:
            key = _text(body, at, stop)
        elif wire == _BYTES and number == 2:
            value = _any(body, at, stop, budget, depth)
    return key, value


def _any(body: bytes, start: int, end: int, budget: Budget, depth: int) -> Any:
    """AnyValue: one of seven, the last where there are several."""
    found: Any = None
    for number, wire, value, stop in _fields(body, start, end, budget):
        if wire == _BYTES:
            if number == 1:
                found = _text(body, value, stop)
            elif number in {5, 6}:
                found = _nested(body, value, stop, budget, depth + 1, number)
            elif number == 7:
                found = body[value:stop].hex()
        elif wire == _VARINT and number == 2:
            found = value != 0
        elif wire == _VARINT and number == 3:
            found = value - (1 << 64) if value >= 1 << 63 else value
        elif wire == _FIXED64 and number == 4:
            found = number_of(_double(body, stop - 8)[0])
    return found


def _nested(body: bytes, start: int, end: int, budget: Budget, depth: int, number: int) -> Any:
    if depth > DEPTH:
        return TOO_DEEP
    items = [
        (at, stop)
        for field, wire, at, stop in _fields(body, start, end, budget)
        if wire == _BYTES and field == 1
    ]
    if number == 5:
        return [_any(body, at, stop, budget, depth) for at, stop in items]
    return dict(_pair(body, at, stop, budget, depth) for at, stop in items)


def number_of(value: float) -> float | str:
    """JSON has no word for the three that are no numbers."""
    return value if math.isfinite(value) else str(value)


# --- writing ----------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    """Nothing where it is zero, as protobuf has it."""
    return varint(field << 3) + varint(value) if value else b""


def data(field: int, value: bytes | str) -> bytes:
    raw = value.encode("utf-8", "replace") if isinstance(value, str) else value
    return varint(field << 3 | _BYTES) + varint(len(raw)) + raw if raw else b""
