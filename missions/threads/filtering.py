"""Blanking out secrets and personal data of what is said, where the portal is set to do so."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.lib.redaction import redact_text
from controlplane.lib.redaction.stream import Lines

_WHOLE = 8_192  # bytes; what is longer is looked at line by line, and nothing of it is cut off


def blanked(text: str) -> str:
    if len(text.encode()) <= _WHOLE:
        return redact_text(text)
    lines = Lines()
    return "\n".join(
        "".join(lines.text(piece) for piece in _pieces(line)) for line in text.split("\n")
    )


def _pieces(line: str) -> Iterator[str]:
    """Of a line that is too long, parted at a space where there is one."""
    most = _WHOLE // 4  # a character is four bytes at most
    while len(line) > most:
        at = line.rfind(" ", most // 2, most) + 1 or most
        yield line[:at]
        line = line[at:]
    yield line
