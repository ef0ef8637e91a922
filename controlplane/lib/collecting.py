"""Python's collector of circles, told to wait."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MANY = 1_000


@contextmanager
def waits(objects: int) -> Iterator[None]:
    """While thousands of objects are made that refer to each other in no circle, the collector
    would look through everything the process has, several times, and find nothing."""
    if objects < MANY or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
