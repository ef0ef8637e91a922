"""One byte form for a JSON value, so that a hash names the value and not its spelling."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def encode(value: Any) -> bytes:
    """Keys sorted, no blanks, UTF-8, NaN refused."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sha256(value: Any) -> str:
    return hashlib.sha256(encode(value)).hexdigest()
