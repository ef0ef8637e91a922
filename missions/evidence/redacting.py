"""Evidence for outside readers: texts as the redactor leaves them.

The redactor keeps 16 KiB of a text. A file is longer: it is cut into pieces at the ends of lines,
never inside of a block that begins and ends with marks of its own, as keys do. A line that is
longer than a piece can't be looked at as a whole, and half of a secret looks like none: it is left
out, and a line in its place says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from controlplane.lib import strictjson
from controlplane.lib.errors import Invalid
from controlplane.lib.redaction import CAP, redact, redact_batch

PIECE = CAP // 2
LONGEST = CAP // 4  # characters of a line; one may take four bytes
BATCH = 64
_BEGIN, _END = "-----BEGIN ", "-----END "
_DEEP = 8_000_000


def redacted(content: bytes, media_type: str) -> bytes:
    """JSON by the names of its fields and by patterns, everything else by patterns."""
    text = content.decode("utf-8", "replace")
    if media_type == "application/json":
        found = _json(content)
        if found is not None:
            return _written(redact(found)).encode()
    if media_type == "application/x-ndjson":
        return "".join(_lines(text)).encode()
    return "".join(_cleaned(list(pieces(text)))).encode()


def _json(content: bytes) -> Any | None:
    try:
        return strictjson.loads(content, max_bytes=_DEEP)
    except Invalid:
        return None


def _written(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        found = _json(line.encode()) if line.strip() else None
        if found is None:
            yield from _cleaned(list(pieces(f"{line}\n")))
        else:
            yield json.dumps(redact(found), ensure_ascii=False) + "\n"


def _cleaned(given: list[str]) -> Iterator[str]:
    for start in range(0, len(given), BATCH):
        for value, _ in redact_batch(list(given[start : start + BATCH])):
            yield str(value)


def pieces(text: str) -> Iterator[str]:
    """What is redacted at once. Within a block of a key nothing is cut, as far as a piece goes."""
    held: list[str] = []
    size, inside = 0, False
    for line in _bounded(text):
        length = len(line.encode("utf-8", "replace"))
        if held and (size + length > CAP or (size > PIECE and not inside)):
            yield "".join(held)
            held, size = [], 0
        held.append(line)
        size += length
        if _BEGIN in line:
            inside = True
        if _END in line:
            inside = False
    if held:
        yield "".join(held)


def _bounded(text: str) -> Iterator[str]:
    for line in text.splitlines(keepends=True):
        if len(line) <= LONGEST:
            yield line
        else:
            yield f"[a line of {len(line):,} characters was left out: too long to be redacted]\n"
