"""From what was sent to what is stored: canonical names, one of each field, what is measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from controlplane.access.models import Workspace
from controlplane.lib.defaults import define
from controlplane.lib.ids import uuid7
from telemetry import catalogue
from telemetry.catalogue.kinds import Kind
from telemetry.ingest.receipts import Problem
from telemetry.ingest.wire import Incoming
from telemetry.models.events import Flag

MAX_EVENT = define(
    "telemetry.max_event_bytes",
    64 * 1024,
    unit="bytes",
    why="the context of one event, redacted; what is larger is a file and belongs to evidence",
)
AHEAD = define(
    "telemetry.clock_ahead_s", 300, unit="seconds", why="what a clock may be off before we refuse"
)
SKEW = define(
    "telemetry.clock_skew_s", 300, unit="seconds", why="a sender's clock this far off is reported"
)
LEVELS = {
    "DEBUG": 10,
    "INFO": 20,
    "WARN": 30,
    "WARNING": 30,
    "ERROR": 40,
    "CRITICAL": 50,
    "FATAL": 50,
}
LEVEL_OF = {"info": 20, "success": 20, "warning": 30, "error": 40}
_STATUS_OF = {10: "info", 20: "info", 30: "warning", 40: "error", 50: "error"}
# Outcomes that are no failure. A tool call with any other outcome failed, whatever it is called.
FINE = frozenset({"", "success", "ok", "succeeded", "completed", "approved", "initiated"})
FAILED = frozenset({"error", "failed"})
_CALLS = frozenset({"composio_tool_call", "gen_ai_call", "agent_run_completed", "undo_completed"})


class Row(NamedTuple):
    """A row of `telemetry_events`, in the order of its columns."""

    id: bytes
    occurred_at: datetime
    received_at: datetime
    workspace_id: int | None
    event_type: str
    received_name: str | None
    status: str
    level: int
    stage: str
    env: str
    service: str
    agent: str
    toolkit: str
    operation: str
    code: str
    source: str
    mission: str | None
    work_item: str | None
    correlation_id: str | None
    session: str | None
    trace_id: str | None
    span_id: str | None
    parent_span_id: str | None
    user_ref: str | None
    weight: int
    duration_ms: float | None
    amount: float | None
    flags: int
    message: str | None
    context: bytes  # JSON in the server's binary form
    redactions: bytes | None


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose batch it is and when it came."""

    workspace_id: int | None
    names: frozenset[str]  # what the workspace may be called in an event
    source: str
    now: datetime
    oldest: datetime
    newest: datetime
    skew: float
    largest: int
    service: str = ""
    agent: str = ""

    @classmethod
    def of(
        cls, workspace: Workspace | None, source: str, now: datetime, oldest: datetime, **more: str
    ) -> Sender:
        names: frozenset[str] = frozenset()
        if workspace is not None:
            names = frozenset({str(workspace.uid), workspace.slug})
        return cls(
            workspace.pk if workspace else None,
            names,
            source,
            now,
            oldest,
            # Looked up once for the batch: for each event they would cost as much as its shaping.
            now + timedelta(seconds=AHEAD.value),
            SKEW.value,
            MAX_EVENT.value,
            **more,
        )


def shape(item: Incoming, sender: Sender) -> Row | Problem:
    """One event in its stored form. It has been redacted."""
    received = item.event or item.event_type
    if not received:
        return Problem("MISSING", "event: the name of what happened is missing.")
    claimed = item.workspace or item.workspace_id or item.tenantId or item.tenant_id
    if claimed and claimed not in sender.names:
        return Problem("WORKSPACE_MISMATCH", "The event names another workspace.", received)
    when = _moment(item, sender, received)
    if isinstance(when, Problem):
        return when
    name, kind = _known(received)
    context = item.context or {}
    flags = 0 if name == received else int(Flag.ALIAS)
    if item.sent_at and abs((sender.now - item.sent_at).total_seconds()) > sender.skew:
        flags |= Flag.SKEW
    stage, flags = _stage(item, context, kind, flags)
    operation, flags = _operation(context, kind, flags)
    code = _word(context, kind.code) or _word(context, "error_code")
    status, level = _status(item, kind, code)
    mission = item.mission_id or item.mission or _word(context, "mission_id") or None
    correlation = item.correlation_id or item.request_id or item.trace_id or None
    if kind is NOBODY:
        flags |= Flag.UNKNOWN
    elif (kind.mission and not (mission and correlation)) or (kind.stage and not stage):
        flags |= Flag.INCOMPLETE
    packed = binary_json(context) if context else _EMPTY
    if len(packed) > sender.largest:
        return Problem("TOO_LARGE", f"The context has {len(packed):,} bytes.", received)
    # By position: names would cost as much as all of the above.
    return Row(
        _identity(item, sender),
        when,
        sender.now,
        sender.workspace_id,
        name,
        received if name != received else None,
        status,
        level,
        stage,
        item.env or "",
        item.service or sender.service,
        item.agent_name or item.agent or _word(context, "agent_name") or sender.agent,
        item.toolkit or _word(context, "toolkit") or _word(context, "toolkit_slug"),
        operation,
        code,
        sender.source,
        mission,
        item.bd_issue or item.work_item or _word(context, "bd_issue") or None,
        correlation,
        item.session_id or _word(context, "session_id") or None,
        item.trace_id.lower() if item.trace_id else None,
        item.span_id.lower() if item.span_id else None,
        item.parent_span_id.lower() if item.parent_span_id else None,
        str(item.user_id) if item.user_id not in (None, "") else None,
        item.count or 1,
        _duration(item, context, kind),
        _number(context, kind.amount) if kind.amount else None,
        flags,
        item.message or None,
        packed,
        None,
    )


def binary_json(value: Any) -> bytes:
    """As the server's binary form wants it: psycopg's own adaptation would cost more than all
    other columns."""
    return _JSONB + _encode(value)


_JSONB = b"\x01"
_encode = msgspec.json.encode
_EMPTY = binary_json({})


# What is measured on events that the catalogue does not know.
NOBODY = Kind(
    name="",
    stage="",
    statuses=("info",),
    keys=(),
    ms="duration_ms",
    amount="",
    code="outcome",
    operation="",
    mission=False,
    does="",
)


@lru_cache(maxsize=2048)
def _known(received: str) -> tuple[str, Kind]:
    kind = catalogue.find(received)
    return (kind.name, kind) if kind else (received, NOBODY)


def _moment(item: Incoming, sender: Sender, name: str) -> datetime | Problem:
    when = item.occurred_at or item.timestamp or item.created_at
    if when is None:
        if item.event_id:
            # Without it the same event sent again would look like another one.
            return Problem("MISSING", "occurred_at: needed beside event_id.", name)
        return sender.now
    if when < sender.oldest:
        return Problem("TOO_OLD", f"Before {sender.oldest:%Y-%m-%d}, which is closed.", name)
    if when > sender.newest:
        ahead = (when - sender.now).total_seconds()
        return Problem("TOO_NEW", f"{ahead:,.0f} s in the future: is the clock right?", name)
    return when


def _identity(item: Incoming, sender: Sender) -> bytes:
    """The client's own id where it is a UUID, else one made from it: the same every time."""
    given = item.event_id
    if not given:
        return uuid7().bytes
    if len(given) == 36:
        try:
            known = bytes.fromhex(given.replace("-", ""))
        except ValueError:
            known = b""
        if len(known) == 16:
            return known
    seed = f"{sender.workspace_id}:{given}".encode("utf-8", "surrogatepass")
    return blake2b(seed, digest_size=16).digest()


def _stage(item: Incoming, context: dict[str, Any], kind: Kind, flags: int) -> tuple[str, int]:
    stage = _stage_of(item.stage or _word(context, "stage"))
    if stage is None:
        return kind.stage, flags | Flag.STAGE
    return stage, flags


_stage_of = lru_cache(maxsize=1024)(catalogue.stage_of)


def _operation(context: dict[str, Any], kind: Kind, flags: int) -> tuple[str, int]:
    """An operation of the Tool Router stands in `meta_tool`, whatever the action was; what finds
    tools is one by its name."""
    tool = _word(context, "meta_tool").upper()
    if tool:
        return tool, flags if tool in catalogue.OPERATIONS else flags | Flag.OPERATION
    return (_word(context, kind.operation) if kind.operation else kind.does), flags


def _status(item: Incoming, kind: Kind, code: str) -> tuple[str, int]:
    level = LEVELS.get(item.level.upper(), 0) if item.level else 0
    if item.status:
        status = item.status
    elif kind.name in _CALLS and code.lower() not in FINE:
        status = "error"
    elif level >= LEVELS["WARN"] or kind is NOBODY:
        status = _STATUS_OF.get(level, "info")
    else:
        status = "error" if code and code.lower() in FAILED else kind.status
    return status, level or LEVEL_OF[status]


def _duration(item: Incoming, context: dict[str, Any], kind: Kind) -> float | None:
    if item.duration_ms is not None:
        return item.duration_ms
    value = _number(context, kind.ms)
    if value is None or value < 0:
        return None
    return min(value * kind.ms_factor, 1e12)


def _number(context: dict[str, Any], key: str) -> float | None:
    value = context.get(key)
    if type(value) is not int and type(value) is not float:
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _word(context: dict[str, Any], key: str) -> str:
    """A short text of the context, for a column. Whole numbers count as words."""
    value = context.get(key)
    if value is None:
        return ""
    if type(value) is str:
        return value if len(value) <= 64 else value[:64]
    return str(value) if type(value) is int and abs(value) < 10**9 else ""
