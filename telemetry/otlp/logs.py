"""Log records, as events."""

from __future__ import annotations

from typing import Any

from telemetry.ingest.wire import Item
from telemetry.otlp.content import Kept
from telemetry.otlp.fields import bad, event_name, incoming, moment, trace_ids, word
from telemetry.otlp.identity import LogIds
from telemetry.otlp.origins import Origin

NAME = "log"
_LEVELS = ("DEBUG", "DEBUG", "INFO", "WARN", "ERROR", "CRITICAL")  # by fours, from 1
_WORDS = frozenset({"DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL"})


def event_of(record: dict[str, Any], origin: Origin, ids: LogIds, kept: Kept) -> Item:
    """A record's event, or why it is none."""
    at = record.get("time_unix_nano", 0) or record.get("observed_time_unix_nano", 0)
    if at < 0:
        return bad(NAME, "timeUnixNano: before 1970.")
    kept.start()
    context = {**origin.context, **kept.attributes(record.get("attributes", {}))}
    named = record.get("event_name") or word(context.pop("event.name", "")) or NAME
    body = kept.said(named, record.get("body"))
    message = _message(body, context, named)
    _add_dropped(record, context)
    kept.tell(context)
    fields: dict[str, Any] = {
        "occurred_at": moment(at),
        "level": _level(record),
        "message": message,
        **trace_ids(record),
    }
    if at:  # without a time it would be another one each time it is sent
        fields["event_id"] = ids.of(origin.seed, record)
    return incoming(event_name(named) or NAME, context, fields)


def _message(body: Any, context: dict[str, Any], named: str) -> str | None:
    """A text is the message. The map of a named event holds what the event says; else it is the
    context's `body`."""
    if isinstance(body, str):
        return body
    if isinstance(body, dict) and named != NAME:
        for key, value in body.items():
            context.setdefault(key, value)
    elif body is not None:
        context["body"] = body
    if isinstance(body, dict):
        text = body.get("message")
        return text if isinstance(text, str) else None
    return None if body is None or isinstance(body, list) else str(body)


def _level(record: dict[str, Any]) -> str | None:
    number = record.get("severity_number", 0)
    if 1 <= number <= 24:
        return _LEVELS[(number - 1) // 4]
    text = record.get("severity_text", "").strip().upper()
    return text if text in _WORDS else None


def _add_dropped(record: dict[str, Any], context: dict[str, Any]) -> None:
    if dropped := record.get("dropped_attributes_count"):
        context["dropped_attributes_count"] = dropped
