"""The messages of OTLP that are read, once for both encodings.

Each field: its number in protobuf, its name in JSON, ours, and its kind. What is not named here
is skipped: the protocol grows, and receivers must not mind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "text",
    "id",  # bytes; hexadecimal in JSON, against protobuf's own rule of base64
    "enum",
    "count",  # uint32
    "nanos",  # fixed64
    "value",  # AnyValue
    "attributes",  # repeated KeyValue
    "message",
    "messages",
]


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: Kind
    of: Message | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """`by_number` is protobuf's view of it, `by_name` that of JSON, in both spellings."""

    name: str
    by_number: dict[int, Field] = field(default_factory=dict)
    by_name: dict[str, Field] = field(default_factory=dict)


def _message(title: str, /, **fields: tuple[int, Kind] | tuple[int, Kind, Message]) -> Message:
    made = Message(title)
    for snake, (number, *rest) in fields.items():
        entry = Field(snake, *rest)
        first, *words = snake.split("_")
        camel = first + "".join(word.title() for word in words)
        made.by_number[number] = entry
        made.by_name[snake] = made.by_name[camel] = entry
    return made


RESOURCE = _message("Resource", attributes=(1, "attributes"))
SCOPE = _message(
    "InstrumentationScope", name=(1, "text"), version=(2, "text"), attributes=(3, "attributes")
)
LOG_RECORD = _message(
    "LogRecord",
    time_unix_nano=(1, "nanos"),
    severity_number=(2, "enum"),
    severity_text=(3, "text"),
    body=(5, "value"),
    attributes=(6, "attributes"),
    dropped_attributes_count=(7, "count"),
    trace_id=(9, "id"),
    span_id=(10, "id"),
    observed_time_unix_nano=(11, "nanos"),
    event_name=(12, "text"),
)
SPAN_EVENT = _message(
    "Event", time_unix_nano=(1, "nanos"), name=(2, "text"), attributes=(3, "attributes")
)
LINK = _message("Link", trace_id=(1, "id"), span_id=(2, "id"), attributes=(4, "attributes"))
STATUS = _message("Status", message=(2, "text"), code=(3, "enum"))
SPAN = _message(
    "Span",
    trace_id=(1, "id"),
    span_id=(2, "id"),
    parent_span_id=(4, "id"),
    name=(5, "text"),
    kind=(6, "enum"),
    start_time_unix_nano=(7, "nanos"),
    end_time_unix_nano=(8, "nanos"),
    attributes=(9, "attributes"),
    dropped_attributes_count=(10, "count"),
    events=(11, "messages", SPAN_EVENT),
    dropped_events_count=(12, "count"),
    links=(13, "messages", LINK),
    status=(15, "message", STATUS),
)
SCOPE_LOGS = _message(
    "ScopeLogs", scope=(1, "message", SCOPE), log_records=(2, "messages", LOG_RECORD)
)
SCOPE_SPANS = _message("ScopeSpans", scope=(1, "message", SCOPE), spans=(2, "messages", SPAN))
RESOURCE_LOGS = _message(
    "ResourceLogs", resource=(1, "message", RESOURCE), scope_logs=(2, "messages", SCOPE_LOGS)
)
RESOURCE_SPANS = _message(
    "ResourceSpans", resource=(1, "message", RESOURCE), scope_spans=(2, "messages", SCOPE_SPANS)
)
LOGS_REQUEST = _message("ExportLogsServiceRequest", resource_logs=(1, "messages", RESOURCE_LOGS))
TRACES_REQUEST = _message(
    "ExportTraceServiceRequest", resource_spans=(1, "messages", RESOURCE_SPANS)
)

# Names of enums, which JSON may use in place of their numbers.
ENUMS = {
    **{
        f"SEVERITY_NUMBER_{word}{step or ''}": base + max(step - 1, 0)
        for base, word in zip(
            (1, 5, 9, 13, 17, 21), ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"), strict=True
        )
        for step in (0, 2, 3, 4)
    },
    "SEVERITY_NUMBER_UNSPECIFIED": 0,
    **{
        f"SPAN_KIND_{word}": number
        for number, word in enumerate(
            ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
        )
    },
    "STATUS_CODE_UNSET": 0,
    "STATUS_CODE_OK": 1,
    "STATUS_CODE_ERROR": 2,
}
