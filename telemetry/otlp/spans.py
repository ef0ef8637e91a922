"""Spans, as events that happened when the span ended."""

from __future__ import annotations

from typing import Any

from telemetry.ingest.wire import Item
from telemetry.otlp import genai, identity
from telemetry.otlp.content import Kept
from telemetry.otlp.fields import bad, incoming, moment, short, trace_ids, word
from telemetry.otlp.origins import Origin

NAME = "span"
MOST_EVENTS = 64  # events and links of one span that are kept
_OK, _ERROR = 1, 2
_KINDS = {2: "server", 3: "client", 4: "producer", 5: "consumer"}
_DAY_MS = 1e12  # what a duration may be at most


def event_of(span: dict[str, Any], origin: Origin, kept: Kept) -> Item:
    """A span's event, or why it is none."""
    ids = trace_ids(span)
    if "trace_id" not in ids or "span_id" not in ids:
        return bad(NAME, "traceId, spanId: a span has both, of 16 and 8 bytes, not all zero.")
    start, end = span.get("start_time_unix_nano", 0), span.get("end_time_unix_nano", 0)
    at = end or start
    if min(start, end) < 0:
        return bad(NAME, "startTimeUnixNano, endTimeUnixNano: before 1970.")
    kept.start()
    context = {**origin.context, **kept.attributes(span.get("attributes", {}))}
    title = span.get("name", "")
    context["name"] = title
    events = _add_parts(span, context, kept)
    status = _status(span, context, events)
    name = genai.event_of(title, context) or NAME
    kept.tell(context)
    fields: dict[str, Any] = {
        "occurred_at": moment(at),
        "duration_ms": min((end - start) / 1e6, _DAY_MS) if 0 < start <= end else None,
        "status": status,
        "level": "ERROR" if status == "error" else None,
        "message": title or None,
        **ids,
    }
    if at:
        fields["event_id"] = identity.of_span(span)
    return incoming(name, context, fields)


def _status(
    span: dict[str, Any], context: dict[str, Any], events: list[dict[str, Any]]
) -> str | None:
    """Failed is what says so, and what names an error. Adds the error's code to the context."""
    said = span.get("status", {})
    if said.get("message"):
        context["status_message"] = said["message"]
    code = word(context.get("error.type"))
    if said.get("code") != _ERROR and not code:
        return "success" if said.get("code") == _OK else None
    context["error_code"] = short(code or _exception(events) or "ERROR", 64)
    return "error"


def _exception(events: list[dict[str, Any]]) -> str:
    """The type of the last exception that was recorded. Not of the context: there an attribute may
    be called `events`, and be anything."""
    types = [word(each.get("exception.type")) for each in events]
    return next((each for each in reversed(types) if each), "")


def _add_parts(span: dict[str, Any], context: dict[str, Any], kept: Kept) -> list[dict[str, Any]]:
    """Answers what happened during the span."""
    kind = _KINDS.get(span.get("kind", 0))
    if kind:
        context["span_kind"] = kind
    events = [_event(each, kept) for each in span.get("events", ())[:MOST_EVENTS]]
    if events:
        context["events"] = events
    links = [trace_ids(each) for each in span.get("links", ())[:MOST_EVENTS]]
    if links:
        context["links"] = links
    for name in ("dropped_attributes_count", "dropped_events_count"):
        if span.get(name):
            context[name] = span[name]
    return events


def _event(event: dict[str, Any], kept: Kept) -> dict[str, Any]:
    name = event.get("name", "")
    attributes = kept.said(name, event.get("attributes", {})) or {}
    at = moment(max(event.get("time_unix_nano", 0), 0))
    found = {"name": name, **attributes}
    return found if at is None else {**found, "at": at.isoformat()}
