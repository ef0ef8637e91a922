"""What may be signed: a JSON object of sensible size with exactly one spelling.

The hash is of the canonical text, which is stored as it is: what comes out of the database is
byte for byte what was hashed. Numbers are brought to one form first, because 1.0 and 1 are the
same number and other programs write them alike; what another program would read as another
number is refused, so that nobody signs one figure and something else acts on another.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

from controlplane.approvals import numbers
from controlplane.lib import canonical
from controlplane.lib.errors import Invalid, TooLarge

_LARGEST = 2**63 - 1
_KEY = 200  # characters


def clean(packet: Any, *, field: str = "packet") -> str:
    """The packet as canonical text. Raises `Invalid` with the path of what is wrong."""
    if not isinstance(packet, Mapping):
        raise _refuse(field, "A packet is an object.")
    value = _Cleaner().value(packet, field, 1)
    text = canonical.encode(value)
    if len(text) > numbers.MAX_PACKET.value:
        raise TooLarge(
            f"A packet has at most {numbers.MAX_PACKET.value:,} bytes; this one has {len(text):,}.",
            details={field: "Too large. Link to the evidence instead."},
        )
    return text.decode()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class _Cleaner:
    def __init__(self) -> None:
        self.left = numbers.MAX_NODES.value

    def value(self, value: Any, path: str, depth: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise TooLarge(
                f"A packet has at most {numbers.MAX_NODES.value:,} values.",
                details={"packet": "Too many values."},
            )
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return _text(value, path)
        if isinstance(value, int | float):
            return _number(value, path)
        if depth > numbers.MAX_DEPTH.value:
            raise _refuse(path, f"Deeper than {numbers.MAX_DEPTH.value} levels.")
        if isinstance(value, Mapping):
            return {
                _key(key, path): self.value(inner, f"{path}.{str(key)[:80]}", depth + 1)
                for key, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [
                self.value(inner, f"{path}[{place}]", depth + 1)
                for place, inner in enumerate(value)
            ]
        raise _refuse(path, f"JSON has no {type(value).__name__}.")


def _key(key: Any, path: str) -> str:
    if not isinstance(key, str):
        raise _refuse(path, "Keys are texts.")
    if len(key) > _KEY:
        raise _refuse(path, f"A key has at most {_KEY} characters.")
    return _text(key, path)


def _text(text: str, path: str) -> str:
    if "\0" in text:
        raise _refuse(path, "Holds a NUL character.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _refuse(path, "Holds half of a character (a lone surrogate).") from None
    return str(text)


def _number(number: int | float, path: str) -> int | float:
    if isinstance(number, float):
        if not math.isfinite(number):
            raise _refuse(path, "JSON has no NaN and no infinity.")
        if not number.is_integer():
            return float(number)
    whole = int(number)
    if abs(whole) > _LARGEST:
        raise _refuse(path, "Larger than 64 bits; write it as a text.")
    return whole


def _refuse(path: str, sentence: str) -> Invalid:
    return Invalid(f"{path}: {sentence}", details={path[:200]: sentence})
