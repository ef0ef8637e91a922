"""A part of a page that fails alone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

from django.db import DatabaseError, connection, transaction

logger = logging.getLogger(__name__)
T = TypeVar("T")


def survive(ask: Callable[[], T], otherwise: T, what: str) -> T:
    """One part of the frame that fails must not take every page with it. It is logged, and the
    part is left out."""
    # Only inside a transaction does a failed query spoil what follows.
    guard = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with guard:
            return ask()
    except DatabaseError:
        raise
    except Exception:
        logger.exception("the console's %s failed", what)
        return otherwise
