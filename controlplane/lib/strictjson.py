"""JSON from strangers: one value, or `Invalid`. Never another exception.

The standard parser recurses on nesting, keeps the last of two equal keys, takes NaN and turns
1e999 into infinity; PostgreSQL then refuses NUL and lone surrogates with an error of its own. All
of it is refused here, before anything else sees the body. Sentences never quote the input: a
position or an excerpt would carry a secret into a log.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from controlplane.lib.errors import Invalid

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 64
MAX_DIGITS = 100

_LONG_NUMBER = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS + 1))
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_SUSPECT_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def loads(data: bytes | bytearray | memoryview | str, *, max_bytes: int = MAX_BYTES) -> Any:
    """Parse one JSON document of at most `max_bytes`, or raise `Invalid`."""
    raw = _bytes(data)
    if len(raw) > max_bytes:
        raise Invalid("The JSON document is too large.")
    text = _text(raw)
    _check_depth(raw)
    value = _parse(text, long_numbers=_LONG_NUMBER.search(raw) is not None)
    if _SUSPECT_ESCAPE.search(raw):
        _check_strings(value)
    return value


def _bytes(data: bytes | bytearray | memoryview | str) -> bytes:
    if isinstance(data, str):
        try:
            return data.encode()
        except UnicodeEncodeError:
            raise Invalid("The JSON document is not valid UTF-8.") from None
    return bytes(data)


def _text(raw: bytes) -> str:
    if raw.startswith(b"\xef\xbb\xbf"):
        raise Invalid("The JSON document starts with a byte order mark.")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Invalid("The JSON document is not valid UTF-8.") from None


def _check_depth(raw: bytes) -> None:
    """Count brackets outside strings, without recursion and before the parser recurses.

    With escapes taken out every second piece between quotes lies outside a string, so all the
    heavy lifting is C: the loop below sees brackets only.
    """
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    unescaped = _ESCAPED.sub(b"", raw) if b"\\" in raw else raw
    outside = b"".join(unescaped.split(b'"')[::2])
    depth = 0
    for bracket in outside.translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise Invalid("The JSON document is nested too deeply.")


def _parse(text: str, *, long_numbers: bool) -> Any:
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_float,
            # The hook costs a call per number, so it is asked for only where it can matter.
            parse_int=_int if long_numbers else None,
            parse_constant=_constant,
        )
    except Invalid:
        raise
    except (ValueError, RecursionError):
        raise Invalid("The body is not one valid JSON document.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Invalid("The JSON document names a key twice in one object.")
    return result


def _float(text: str) -> float:
    number = float(text) if len(text) <= MAX_DIGITS else math.inf
    if not math.isfinite(number):
        raise Invalid("The JSON document holds a number that is too long or too large.")
    return number


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise Invalid("The JSON document holds a number that is too long or too large.")
    return int(text)


def _constant(text: str) -> NoReturn:
    raise Invalid("The JSON document holds NaN or Infinity.")


def _check_strings(value: Any) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            _check_string(item)
        elif isinstance(item, dict):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _check_string(text: str) -> None:
    if "\x00" in text:
        raise Invalid("The JSON document holds a NUL character.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Invalid("The JSON document holds half of a surrogate pair.") from None
