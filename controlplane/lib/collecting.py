"""Python's collector of circles, told to wait."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MANY = 1_000
# A page makes thousands of objects and lets them go with its answer; every 700, which is Python's
# own number, the collector would look through those that are in use just then.
SELDOM = (10_000, 20, 20)


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


def settle() -> None:
    """What a server has loaded stays until it ends. Out of the collector's sight it costs no
    request a look through a quarter of a million objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)
