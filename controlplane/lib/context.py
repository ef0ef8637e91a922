"""What surrounds the work being done: ids that follow a request into tasks and outgoing calls."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any


@dataclass(frozen=True, slots=True)
class Context:
    request_id: str = ""
    correlation_id: str = ""
    trace_id: str = ""
    span_id: str = ""
    source: str = "command"  # console | desk | api | mcp | job | command | system
    address: str = ""
    workspace: str = ""
    mission_id: str = ""
    user_ref: str = ""
    bd_issue: str = ""
    zone: str = ""  # of whoever reads the answer, where a person does


_NOWHERE = Context()
_current: ContextVar[Context] = ContextVar("controlplane_context", default=_NOWHERE)

# Ids come from callers: anything else would let a header write log lines or audit text.
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
_TRACE = re.compile(r"[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


def current() -> Context:
    return _current.get()


@contextmanager
def bind(**fields: Any) -> Iterator[Context]:
    """Set fields of the context for the duration of the block."""
    context = replace(_current.get(), **fields)
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def note(**fields: Any) -> None:
    """Add to the block one is in what is only known now: who asks, in which workspace. It ends
    with the block."""
    if _current.get() is not _NOWHERE:
        _current.set(replace(_current.get(), **fields))


def new_id() -> str:
    return secrets.token_hex(16)


def accepted_id(value: str | None) -> str:
    """The caller's id when it is harmless, else a fresh one."""
    if value and _ACCEPTED_ID.fullmatch(value):
        return value
    return new_id()


def trace_of(correlation_id: str) -> str:
    """The trace of what belongs to a correlation id: itself where it has the form, else made from
    it. Rows carry the one id only, and what they send is the same trace as the request was."""
    if _TRACE.fullmatch(correlation_id) and correlation_id != "0" * 32:
        return correlation_id
    return blake2b(correlation_id.encode(), digest_size=16).hexdigest()


def resumed(correlation_id: str) -> dict[str, str]:
    """The ids of work that a row goes on with, which began in a request or job before."""
    request_id = new_id()
    correlation_id = correlation_id or request_id
    trace_id = trace_of(correlation_id)
    return {"request_id": request_id, "correlation_id": correlation_id, "trace_id": trace_id}


def parse_traceparent(value: str | None) -> tuple[str, str] | None:
    """(trace id, parent span id) of a W3C `traceparent`, or None."""
    match = _TRACEPARENT.fullmatch(value or "")
    if match is None or match[1] == "0" * 32 or match[2] == "0" * 16:
        return None
    return match[1], match[2]


def carried_headers() -> dict[str, str]:
    """Headers that an outgoing call or a queued task takes along."""
    context = current()
    headers: dict[str, str] = {}
    if context.request_id:
        headers["X-Request-ID"] = context.request_id
    if context.correlation_id:
        headers["X-Correlation-ID"] = context.correlation_id
    if context.trace_id:
        headers["traceparent"] = f"00-{context.trace_id}-{secrets.token_hex(8)}-01"
    return headers
