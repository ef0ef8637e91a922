"""The one place time comes from.

Leases and due times that several processes compare use the database's clock; everything else
asks here, so that a test can move time with time-machine and nothing reads a clock behind it.
"""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)
