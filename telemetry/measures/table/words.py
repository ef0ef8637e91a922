"""Short forms that the tables share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telemetry.catalogue import OPERATIONS
from telemetry.measures.kinds import ANY, Measure, Selection, Status, define

CALL, CALL_ERROR = "composio_tool_call", "composio_tool_call_error"
DISCOVERY = "composio_discovery"


def these(*events: str, status: Status = "", **where: Any) -> Selection:
    """A selection, with its dimensions as keywords."""
    values = {name: (value,) if isinstance(value, str) else value for name, value in where.items()}
    return Selection(events, values, status)


def everything(**where: Any) -> Selection:
    return these(*ANY, **where)


def gauge(name: str) -> Selection:
    """A value that somebody reads now and then."""
    return these("gauge_reported", operation=name)


def calls(**where: Any) -> tuple[Selection, ...]:
    """All tool calls, each once: an error told of beside its failed call is no second call, and
    does not count as an error in the rollups."""
    return these(CALL, **where), these(CALL_ERROR, status="error", **where)


def failed_calls(**where: Any) -> tuple[Selection, ...]:
    return (these(CALL, CALL_ERROR, status="error", **where),)


def operations() -> tuple[Selection, ...]:
    """The Tool Router's, each once: calls, and what looked for tools."""
    return *calls(operation=OPERATION_NAMES), these(DISCOVERY, operation=OPERATION_NAMES)


def area(name: str) -> Callable[..., Measure]:
    """`define` for measures of one area: slug, title, unit, statistic, and the rest by name."""

    def add(slug: str, title: str, unit: str, statistic: Any, of: Any = (), **more: Any) -> Measure:
        return define(Measure(slug, title, unit, statistic, of, area=name, **more))

    return add


OPERATION_NAMES = tuple(sorted(OPERATIONS))
