"""The one place time comes from.

Leases and due times that several processes compare use the database's clock; everything else
asks here, so that a test can move time with time-machine and nothing reads a clock behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_ago: ContextVar[timedelta | None] = ContextVar("clock_ago", default=None)


def now() -> datetime:
    ago = _ago.get()
    return datetime.now(UTC) if ago is None else datetime.now(UTC) - ago


@contextmanager
def set_back(ago: timedelta) -> Iterator[None]:
    """What is done inside was done that long ago: how the demo tells of the past, through the
    services that make it. The database's clock, and with it the audit log, goes on as ever."""
    token = _ago.set(ago)
    try:
        yield
    finally:
        _ago.reset(token)
