"""Ids made from what a record says: an exporter that got no answer sends its batch again."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec


def of_span(span: dict[str, Any]) -> str:
    """A span is named by its trace and its own id; a client's and a server's may share both."""
    named = f"span {span['trace_id']} {span['span_id']} {span.get('kind', 0)}"
    return _id(named.encode())


class LogIds:
    """Records have no id of their own. Two that are equal to the nanosecond are told apart by
    which of them comes first in the request, which is the same when it is sent again."""

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def of(self, origin: bytes, record: dict[str, Any]) -> str:
        said = blake2b(origin + encoded(record), digest_size=16).digest()
        self._seen[said] += 1
        return _id(b"log %d " % self._seen[said] + said)


def encoded(value: Any) -> bytes:
    """The same bytes for the same values, whatever their order and encoding were."""
    return msgspec.json.encode(value, order="sorted")


def _id(named: bytes) -> str:
    return str(UUID(bytes=blake2b(named, digest_size=16).digest()))
