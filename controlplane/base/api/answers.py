"""Answers: JSON made once, in C."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from django.http import HttpResponse
from django.utils.functional import Promise

JSON = "application/json"


def _plain(value: Any) -> Any:
    """What msgspec does not know: lazy texts, and the subclasses DRF makes of str, list, dict."""
    if isinstance(value, str | Promise):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


_encoder = msgspec.json.Encoder(enc_hook=_plain, decimal_format="string")


def encode(data: Any) -> bytes:
    try:
        return _encoder.encode(data)
    except UnicodeEncodeError:
        # Half of a surrogate pair, quoted from a path or a header: escaped, never a 500.
        return json.dumps(data, default=_plain).encode()


class JsonAnswer(HttpResponse):
    """An answer that keeps its data, for tests and for what looks at answers afterwards."""

    data: Any

    def __init__(
        self, data: Any = None, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        body = b"" if data is None and status in {204, 304} else encode(data)
        super().__init__(body, content_type=JSON, status=status, headers=headers)
        self.data = data
        if not body:
            del self["Content-Type"]


def created(data: Any, location: str = "") -> JsonAnswer:
    return JsonAnswer(data, 201, {"Location": location} if location else None)


def nothing() -> JsonAnswer:
    return JsonAnswer(status=204)
