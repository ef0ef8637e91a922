"""The one place time comes from.

Leases and due times that several processes compare use the database's clock; everything else
asks here, so that a test can move time with time-machine and nothing reads a clock behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_instead: ContextVar[Callable[[], datetime] | None] = ContextVar("clock_instead", default=None)


def now() -> datetime:
    instead = _instead.get()
    return datetime.now(UTC) if instead is None else instead()


def told_of() -> datetime | None:
    """The moment of which somebody tells who set the clock back, else None."""
    instead = _instead.get()
    return None if instead is None else instead()


@contextmanager
def set_back(ago: timedelta) -> Iterator[None]:
    """What is done inside was done that long ago: how the demo tells of the past, through the
    services that make it. The database's clock goes on as ever: the audit log says when it was
    written, and in its details of when it tells (`told_of`)."""
    with _asking(lambda: datetime.now(UTC) - ago):
        yield


@contextmanager
def standing_at(moment: datetime) -> Iterator[None]:
    """It is this moment, to the microsecond, for what is written inside and done later."""
    with _asking(lambda: moment):
        yield


@contextmanager
def _asking(instead: Callable[[], datetime]) -> Iterator[None]:
    token = _instead.set(instead)
    try:
        yield
    finally:
        _instead.reset(token)
