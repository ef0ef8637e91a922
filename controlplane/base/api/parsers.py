"""The one JSON parser of the API: strict, bounded, and always `INVALID_ARGUMENT`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.parsers import BaseParser

from controlplane.lib import strictjson


class StrictJSONParser(BaseParser):
    """Refuses NUL, half surrogates, deep nesting, doubled keys, NaN and endless numbers.

    Content type, length and unpacking are settled before, in `bodies`.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read()
        return strictjson.loads(body, max_bytes=max(len(body), 1))
