"""The JSON form of events, and reading a body of them: one, a list, or a line each.

The whole list is decoded in one go; only when that fails is each event read alone, so that the
bad ones are named and their neighbours come through.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import msgspec

from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid, TooLarge
from telemetry.ingest.receipts import Problem

MAX_EVENTS = define(
    "telemetry.max_batch", 5_000, unit="events", why="one request's worth; senders split beyond it"
)
MAX_BYTES = define(
    "telemetry.max_batch_bytes",
    5 * 1024 * 1024,
    unit="bytes",
    why="largest batch, packed or unpacked",
)
NDJSON = "application/x-ndjson"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_.:/ -]+$")]
Word = Annotated[str, msgspec.Meta(max_length=64)]
Hex32 = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-fA-F]{32})?$")]
Hex16 = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-fA-F]{16})?$")]
Status = Annotated[str, msgspec.Meta(pattern=r"^(info|success|warning|error)$")]
Level = Annotated[str, msgspec.Meta(max_length=10)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Incoming(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One event as senders write it. Several names of one field are accepted, as the playbooks,
    the log format and older clients use them."""

    event: Name | None = None
    event_type: Name | None = None
    event_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    occurred_at: Moment | None = None
    timestamp: Moment | None = None
    created_at: Moment | None = None
    sent_at: Moment | None = None  # by the sender's clock: how we know that it is off
    workspace: str | None = None
    workspace_id: str | None = None
    tenant_id: str | None = None
    tenantId: str | None = None  # noqa: N815 - as logs write it
    mission_id: Word | None = None
    mission: Word | None = None
    stage: Word | None = None
    status: Status | None = None
    level: Level | None = None
    env: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    service: Word | None = None
    agent_name: Word | None = None
    agent: Word | None = None
    toolkit: Word | None = None
    correlation_id: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    request_id: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    session_id: Word | None = None
    user_id: Annotated[str, msgspec.Meta(max_length=200)] | int | None = None
    bd_issue: Word | None = None
    work_item: Word | None = None
    trace_id: Hex32 | None = None
    span_id: Hex16 | None = None
    parent_span_id: Hex16 | None = None
    duration_ms: Annotated[float, msgspec.Meta(ge=0, le=1e12)] | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    message: str | None = None
    context: dict[str, Any] | None = None
    payload_sha: Annotated[str, msgspec.Meta(max_length=128)] | None = None


Item = Incoming | Problem
_many = msgspec.json.Decoder(list[Incoming])
_one = msgspec.json.Decoder(Incoming)
_loose = msgspec.json.Decoder(list[msgspec.Raw])
_NUL = b"\\u0000"


def decode(body: bytes, content_type: str) -> list[Item]:
    """Every event of a body or why it is none. A body that is no list of anything is refused as a
    whole: nothing of it can be told apart."""
    if content_type.partition(";")[0].strip().lower() in {NDJSON, "application/jsonl"}:
        return _lines(body)
    text = body.lstrip()
    if text[:1] == b"{":
        item = _single(bytes(text))
        if isinstance(item, Problem) and item.code == "MALFORMED":
            raise Invalid("The body is no JSON.", details={"body": item.reason})
        return [item]
    return _list(body)


def _list(body: bytes) -> list[Item]:
    if _NUL not in body:
        try:
            return _bounded(list(_many.decode(body)))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            pass  # the careful way finds out which
    try:
        parts = _loose.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid(
            "The body is no JSON list of events, no single event and not marked as NDJSON.",
            details={"body": str(error)[:200]},
        ) from None
    except RecursionError:
        raise Invalid("The body is nested too deeply.") from None
    return [_single(bytes(part)) for part in _bounded(parts)]


def _lines(body: bytes) -> list[Item]:
    lines = [line for line in body.split(b"\n") if line.strip()]
    _bounded(lines)
    if _NUL not in body:
        try:
            return list(map(_one.decode, lines))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            pass
    return [_single(line) for line in lines]


def _bounded(items: list[Any]) -> list[Any]:
    if len(items) > MAX_EVENTS.value:
        raise TooLarge(
            f"A batch holds at most {MAX_EVENTS.value:,} events.",
            details={"events": len(items), "max_events": MAX_EVENTS.value},
        )
    return items


def _single(text: bytes) -> Item:
    try:
        item = _one.decode(text)
    except msgspec.ValidationError as error:
        return Problem("BAD_VALUE", _plain(str(error)), name_in(text))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Problem("MALFORMED", _plain(str(error)))
    except RecursionError:
        return Problem("MALFORMED", "Nested too deeply.")
    if _NUL in text and any("\x00" in each for each in _texts(msgspec.to_builtins(item))):
        return Problem("BAD_VALUE", "Holds a NUL character.", item.event or item.event_type or "")
    return item


def _plain(text: str) -> str:
    """msgspec's sentence, which names types and places but never values."""
    return text[:200]


def name_in(text: bytes) -> str:
    """The event's name, where so much can be read."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    name = value.get("event") or value.get("event_type") if isinstance(value, dict) else ""
    return name[:80] if isinstance(name, str) else ""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
