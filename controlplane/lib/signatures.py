"""Signatures of calls that we send, and of calls that others send us: HMAC over time and body."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from controlplane.lib import clock

TIMESTAMP_HEADER = "X-Controlplane-Timestamp"
SIGNATURE_HEADER = "X-Controlplane-Signature"


def sign(secret: bytes, body: bytes, at: datetime) -> dict[str, str]:
    """Headers that prove body and time to whoever knows the secret."""
    timestamp = str(int(at.timestamp()))
    return {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: "v1=" + _mac(secret, timestamp, body)}


def verify(
    secret: bytes,
    body: bytes,
    headers: Mapping[str, str],
    now: datetime | None = None,
    tolerance: timedelta | float = 300.0,
) -> bool:
    """Did somebody who knows the secret sign this body within the tolerance of now?"""
    lowered = {name.lower(): value for name, value in headers.items()}
    stamp = lowered.get(TIMESTAMP_HEADER.lower(), "")
    if not re.fullmatch(r"[0-9]{1,12}", stamp):
        return False
    seconds = tolerance.total_seconds() if isinstance(tolerance, timedelta) else float(tolerance)
    expected = ("v1=" + _mac(secret, stamp, body)).encode()
    # Several signatures stand side by side while a secret is being rotated. All are compared.
    offered = lowered.get(SIGNATURE_HEADER.lower(), "").split(",")[:4]
    matching = [
        hmac.compare_digest(expected, one.strip().encode("utf-8", "replace")) for one in offered
    ]
    return any(matching) and abs((now or clock.now()).timestamp() - int(stamp)) <= seconds


def _mac(secret: bytes, timestamp: str, body: bytes) -> str:
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
