"""Structured logs: one JSON object a line, the union of both playbooks' fields, redacted.

Every field is always there, null when unknown, so that a query never has to ask whether it is.
Output is ASCII: a line break of any alphabet inside a value stays an escape, and one record is
one physical line whatever somebody sent us. Formatting never raises: a broken log call must not
break the work it reports on.
"""

from __future__ import annotations

import json
import logging
import math
import re
import traceback
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from controlplane.lib import context
from controlplane.lib.redaction import pseudonym, redact, redact_fresh

# Names that stand beside the message and not inside `context`, whoever supplies them.
_TOP = ("correlation_id", "request_id", "tenantId", "mission_id", "user_id", "bd_issue")
# Those of the context that stand at the top as well, as one of the playbooks writes them.
_ALSO_TOP = {"toolkit": ("toolkit", "toolkit_slug"), "agent": ("agent", "agent_name")}
# What the playbooks call the environments.
_ENVIRONMENTS = {"production": "prod", "local": "dev"}
_EXCEPTION_CHARACTERS = 12_000


_encode = json.JSONEncoder(default=str).encode
# An id as it is made here. It holds nothing to hide, whatever its digits happen to look like.
_MADE = re.compile("[0-9a-f]{32}")


class JsonFormatter(logging.Formatter):
    """The formatter of every handler."""

    def format(self, record: logging.LogRecord) -> str:
        try:
            return _encode(_line(record))
        except Exception as error:  # noqa: BLE001
            # The record itself is left out: what failed to redact must not be written.
            return json.dumps(
                {
                    "timestamp": _timestamp(record),
                    "level": _level(record),
                    "event": "log.unformattable",
                    "message": "A log record could not be formatted.",
                    "context": {"logger": str(record.name), "error": type(error).__name__},
                }
            )


class NotReadiness(logging.Filter):
    """Leaves out that `/ready` said no: that is its answer, and somebody asks each second. What is
    wrong stands in the answer, and the watch tells it once."""

    def filter(self, record: logging.LogRecord) -> bool:
        path = getattr(getattr(record, "request", None), "path", "")
        return not (path == "/ready" and getattr(record, "status_code", 0) == 503)


def event(
    logger: logging.Logger,
    name: str,
    message: str = "",
    *,
    level: int = logging.INFO,
    exc_info: Any = None,
    ours: bool = False,
    **fields: Any,
) -> None:
    """Log that something named `area.verb` happened. Fields become the record's context.

    `ours`: message and fields hold nothing but the portal's own words and numbers (no text of
    anybody, no path, no name), so that there is nothing in them to hide.
    """
    try:
        if logger.isEnabledFor(level):
            extra = {"event": name, "context": fields, "ours": ours}
            # The message is an argument: a per cent sign in it formats nothing.
            logger.log(level, "%s", message, extra=extra, exc_info=exc_info, stacklevel=2)
    except Exception:  # noqa: BLE001
        logger.error("An event could not be logged.")


def _line(record: logging.LogRecord) -> dict[str, Any]:
    now = context.current()
    given = getattr(record, "context", None)
    fields: dict[str, Any] = dict(given) if isinstance(given, dict) else {}
    top = {name: fields.pop(name, None) or getattr(record, name, None) for name in _TOP}
    fields.update(_exception(record))
    said = [
        top["correlation_id"] or now.correlation_id,
        top["request_id"] or now.request_id,
        top["tenantId"] or now.workspace,
        top["mission_id"] or now.mission_id,
        top["bd_issue"] or now.bd_issue,
        getattr(record, "event", None),
    ]
    texts = [str(each) if each else None for each in said]
    made = [text if text and _MADE.fullmatch(text) else None for text in texts]
    body: dict[str, Any] = {
        "message": _message(record),
        "context": fields,
        "said": [None if own else text for own, text in zip(made, texts, strict=True)],
    }
    # A line is written for every request, and most hold nothing that anybody else has said.
    if not getattr(record, "ours", False) or record.exc_info or any(body["said"][:-1]):
        body = _redacted(body)
    correlation_id, request_id, tenant, mission, issue, event_name = (
        _short(own or shown) for own, shown in zip(made, body["said"], strict=True)
    )
    user = top["user_id"] or now.user_ref
    return {
        "timestamp": _timestamp(record),
        "level": _level(record),
        "service": getattr(settings, "SERVICE", "") or "controlplane",
        "env": _ENVIRONMENTS.get(settings.ENVIRONMENT, settings.ENVIRONMENT),
        "correlation_id": correlation_id,
        "request_id": request_id,
        "trace_id": now.trace_id or None,
        "tenantId": tenant,
        "mission_id": mission,
        "user_id": pseudonym(user) if user else None,
        "bd_issue": issue,
        "event": event_name,
        **{name: _first(body["context"], keys) for name, keys in _ALSO_TOP.items()},
        "logger": record.name,
        "message": body["message"],
        "context": _finite(body["context"]) or None,
    }


def _first(fields: Any, keys: tuple[str, ...]) -> str | None:
    """The first of these that is there, out of what was redacted already."""
    found = next((fields[key] for key in keys if fields.get(key)), None)
    return found[:64] if isinstance(found, str) else None


def _redacted(line: dict[str, Any]) -> Any:
    """In one look: a line is written for every request, and nearly all of them hide nothing. What
    is neither text nor number is read as its text, and that is looked at too."""
    if all(type(each) in _SCALARS for each in line["context"].values()):
        return redact_fresh([line])[0][0]
    return redact(line)


_SCALARS = frozenset({str, int, float, bool, type(None)})


def _short(value: str | None) -> str | None:
    return value[:256] if value else None


def _timestamp(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _level(record: logging.LogRecord) -> str:
    """One of the playbooks' five words, for levels of libraries too."""
    for floor, word in (
        (logging.CRITICAL, "CRITICAL"),
        (logging.ERROR, "ERROR"),
        (logging.WARNING, "WARN"),
        (logging.INFO, "INFO"),
    ):
        if record.levelno >= floor:
            return word
    return "DEBUG"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001
        return str(record.msg)  # wrong number of arguments


def _exception(record: logging.LogRecord) -> dict[str, Any]:
    if record.exc_info and record.exc_info[0] is not None:
        kind, _, _ = record.exc_info
        text = "".join(traceback.format_exception(*record.exc_info))
        return {"exception": {"type": kind.__name__, "traceback": _end(text)}}
    if record.exc_text:
        return {"exception": {"type": None, "traceback": _end(record.exc_text)}}
    return {}


def _end(text: str) -> str:
    """The end of a traceback: it says what happened, the start only how we got there.

    Cut between lines, since half a token is not recognised as one.
    """
    if len(text) <= _EXCEPTION_CHARACTERS:
        return text
    return text[-_EXCEPTION_CHARACTERS:].partition("\n")[2]


def _finite(value: Any) -> Any:
    """NaN and infinity are not JSON. Depth is bounded: `redact` has cut what lies too deep."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
