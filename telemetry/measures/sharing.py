"""What several measures of one question compute alike is computed once.

with sharing():
    ...                                       # any number of measures
    once(("stages", workspace_id), compute)   # the first asks, the others are told
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
_known: ContextVar[dict[Hashable, Any] | None] = ContextVar(
    "telemetry_measures_known", default=None
)


@contextmanager
def sharing() -> Iterator[None]:
    """One question. Within another it is a part of that one."""
    if _known.get() is not None:
        yield
        return
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def once(key: Hashable, compute: Callable[[], T]) -> T:
    known = _known.get()
    if known is None:
        return compute()
    if key not in known:
        known[key] = compute()
    found: T = known[key]
    return found
