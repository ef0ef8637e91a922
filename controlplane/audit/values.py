"""Making any value fit for the log: plain, redacted, bounded, acceptable to PostgreSQL.

The log takes what attackers send as it is (a denied call's id may hold NUL or half a surrogate),
and a value that PostgreSQL refuses would undo the change or lose the denial.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Model

from controlplane.audit.refs import subject_ref
from controlplane.lib.defaults import define
from controlplane.lib.redaction import redact, redact_batch, redact_text

MAX_DOCUMENT = define(
    "audit.max_document_bytes",
    65_536,
    unit="bytes",
    why="a diff larger than this is kept as its size and SHA-256: the log must not become a store",
)
_MAX_DEPTH = 20


def _text(value: str) -> str:
    if "\x00" in value:
        value = value.replace("\x00", "\ufffd")
    try:
        value.encode()
    except UnicodeEncodeError:
        value = value.encode("utf-8", "replace").decode()
    return value


def line(value: str, limit: int) -> str:
    return _text(value)[:limit]


def prose(value: str, limit: int) -> str:
    """Free text of people: redacted before it is cut, so that half a secret can't slip through."""
    return redact_text(_text(value))[:limit] if value else ""


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON knows it."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth >= _MAX_DEPTH:
        return "(too deep)"
    if isinstance(value, Mapping):
        return {_text(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item, depth + 1) for item in value), key=str)
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"({len(value)} bytes)"
    if isinstance(value, Model):
        return subject_ref(value)
    return _text(str(value))


def document(value: Any) -> Any:
    """Plain, redacted, and no larger than the log accepts."""
    return None if value is None else _bounded(redact(plain(value)))


def documents(given: list[Any]) -> list[Any]:
    """Several of them, looked through together."""
    redacted = redact_batch([plain(value) for value in given])
    return [
        None if value is None else _bounded(safe)
        for value, (safe, _) in zip(given, redacted, strict=True)
    ]


def _bounded(safe: Any) -> Any:
    size = len(as_json(safe) or "")
    if size <= MAX_DOCUMENT.value:
        return safe
    digest = hashlib.sha256((as_json(safe) or "").encode()).hexdigest()
    return {"too_large": True, "characters": size, "sha256": digest}


def as_json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False)
