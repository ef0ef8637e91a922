"""The one redactor: telemetry, logs, audit diffs, evidence exports and `manage.py redact`.

Names of fields first (`keys`), then patterns over running text (`rules`), all linear in the input.
A text is kept up to 16 KiB; what is past that is cut off, because text nobody scanned must not
be stored and text without end must not be scanned.
"""

from __future__ import annotations

from typing import Any

from controlplane.lib.redaction.keys import register_field
from controlplane.lib.redaction.pseudonyms import pseudonym
from controlplane.lib.redaction.quick import redact_fresh
from controlplane.lib.redaction.scan import CAP, MARK, TRUNCATED, redact_many
from controlplane.lib.redaction.walk import redact_batch

__all__ = [
    "CAP",
    "MARK",
    "TRUNCATED",
    "pseudonym",
    "redact",
    "redact_batch",
    "redact_counted",
    "redact_fresh",
    "redact_text",
    "register_field",
]


def redact_text(text: str) -> str:
    """The text with every recognised secret and personal datum replaced by the marker."""
    result = redact_many([text])[0]
    return text if result is None else result[0]


def redact(value: Any) -> Any:
    """A copy of a JSON-like value, redacted by field name and by pattern."""
    return redact_batch([value])[0][0]


def redact_counted(value: Any) -> tuple[Any, dict[str, int]]:
    """`redact`, and how many values of each kind were replaced."""
    return redact_batch([value])[0]
