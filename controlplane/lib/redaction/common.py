"""What the rules share: the shape of a finding, a scan that always moves on, and neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Found = tuple[int, int, str, bytes | None]  # start, end, kind, replacement (None: the marker)
ESCAPED_BREAKS = frozenset({b"\\n", b"\\r", b"\\t"})  # a line break inside quoted text


def matches(regexp: Any, text: bytes) -> Iterator[Any]:
    """Like finditer, on RE2, and past empty matches."""
    position = 0
    while position <= len(text):
        match = regexp.search(text, position)
        if match is None:
            return
        yield match
        position = max(match.end(), position + 1)


def byte_before(text: bytes, start: int) -> bytes:
    """The byte before; a blank where an escaped line break stands."""
    if text[max(0, start - 2) : start] in ESCAPED_BREAKS:
        return b" "
    return text[max(0, start - 1) : start]


def is_word(byte: bytes) -> bool:
    return byte.isalnum() or byte == b"_"
