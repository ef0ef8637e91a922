"""Statements that take long: each is told, without its values, with the request it was part of.

The server can tell too, but not which page of the portal asked. `LISTENERS` are called with the
seconds it took: what counts stands above this, and is there only once the apps are.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from controlplane.lib import logs
from controlplane.lib.defaults import define

logger = logging.getLogger(__name__)
EVENT = "database.slow_statement"
SLOW_MS = define(
    "database.slow_statement_ms",
    100,
    unit="ms",
    why="The playbook analyses what takes longer.",
)
SHOWN = 300  # characters
LISTENERS: list[Callable[[float], None]] = []
_VALUES = re.compile(
    r"\$([a-z_]*)\$.*?\$\1\$|E?'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b", re.IGNORECASE | re.DOTALL
)
_READ = 10_000  # of a text of megabytes the beginning says enough


def without_values(query: str) -> str:
    """One line, what stood in it as a value left out: values are other people's data."""
    return " ".join(_VALUES.sub("?", query[:_READ]).split())[:SHOWN]


def note(query: Any, seconds: float) -> None:
    """Called after each statement; nearly all of them were quick."""
    if seconds * 1_000 < SLOW_MS.value:
        return
    text = without_values(query) if isinstance(query, str) else ""
    took = round(seconds * 1_000)
    logs.event(logger, EVENT, "A statement took long.", statement=text, duration_ms=took)
    for listener in LISTENERS:
        listener(seconds)
