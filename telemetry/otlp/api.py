"""The two doors: `<portal>/api/v1/otlp` is the endpoint an exporter is given, to which it adds
`/v1/logs` and `/v1/traces` itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.base.api import bodies
from controlplane.base.api.plain import Handler, plain_view
from controlplane.base.api.serializers import StrictSerializer
from telemetry.ingest import Receipt, accepting, wire
from telemetry.ingest.receipts import Problem
from telemetry.ingest.wire import Item
from telemetry.otlp import answers, jsonform, logs, protobuf, spans
from telemetry.otlp.budget import MAX_RECORDS, check_records
from telemetry.otlp.content import Kept
from telemetry.otlp.identity import LogIds
from telemetry.otlp.origins import walk
from telemetry.otlp.schema import LOGS_REQUEST, TRACES_REQUEST, Message


class LogsForm(StrictSerializer):
    """ExportLogsServiceRequest of OTLP."""

    resourceLogs = serializers.ListField(child=serializers.DictField())  # noqa: N815


class TracesForm(StrictSerializer):
    """ExportTraceServiceRequest of OTLP."""

    resourceSpans = serializers.ListField(child=serializers.DictField())  # noqa: N815


class PartialForm(StrictSerializer):
    rejectedLogRecords = serializers.CharField(required=False)  # noqa: N815
    rejectedSpans = serializers.CharField(required=False)  # noqa: N815
    errorMessage = serializers.CharField(required=False)  # noqa: N815


class AcceptedForm(StrictSerializer):
    """Empty, or how many records were refused and why."""

    partialSuccess = PartialForm(required=False)  # noqa: N815


class StatusForm(StrictSerializer):
    """`google.rpc.Status`. Its one detail is an `ErrorInfo`: `reason` is the code of the portal."""

    code = serializers.IntegerField()
    message = serializers.CharField()
    details = serializers.ListField(child=serializers.DictField())


def _door(form: type[StrictSerializer]) -> Callable[[Handler], Callable[..., HttpResponse]]:
    return plain_view(
        actions={"POST": "telemetry.ingest"},
        inputs={"POST": form},
        outputs={"POST": AcceptedForm},
        throttle="hot",
        max_body=wire.MAX_BYTES.shipped,
        tags=["telemetry"],
        errors={411, 413, 415, 503},
        foreign=answers.failed,
        refusal=StatusForm,
    )


@_door(LogsForm)
def take_logs(request: HttpRequest) -> HttpResponse:
    """Log records as OTLP/HTTP, in protobuf or JSON, plain or gzip. Refused records are counted
    in `partialSuccess`; what is delivered again is stored once."""
    found = _read(request, LOGS_REQUEST)
    ids, kept = LogIds(), Kept()
    items = (
        record if isinstance(record, Problem) else logs.event_of(record, origin, ids, kept)
        for origin, record in walk(found, "resource_logs", "scope_logs", "log_records")
    )
    return answers.done(request, "rejectedLogRecords", _ingested(request, items))


@_door(TracesForm)
def take_traces(request: HttpRequest) -> HttpResponse:
    """Spans as OTLP/HTTP, in protobuf or JSON, plain or gzip. Refused spans are counted in
    `partialSuccess`; what is delivered again is stored once."""
    found = _read(request, TRACES_REQUEST)
    kept = Kept()
    items = (
        record if isinstance(record, Problem) else spans.event_of(record, origin, kept)
        for origin, record in walk(found, "resource_spans", "scope_spans", "spans")
    )
    return answers.done(request, "rejectedSpans", _ingested(request, items))


def _read(request: HttpRequest, form: Message) -> dict[str, Any]:
    binary = answers.is_protobuf(request)
    if not binary and answers.media_type(request) != answers.JSON:
        raise bodies.UnsupportedBody(f"Send {answers.PROTOBUF} or {answers.JSON}.")
    if not binary:
        bodies.check_json(request.META.get("CONTENT_TYPE", ""))
    body = bodies.read(request, wire.MAX_BYTES.value)
    return protobuf.read(body, form) if binary else jsonform.read(body, form)


def _ingested(request: HttpRequest, items: Iterable[Item]) -> list[Receipt]:
    """In portions of one batch each. Were a later one to fail, the sender repeats all of them,
    and what was stored is known by its id."""
    found = list(islice(items, MAX_RECORDS.value + 1))
    check_records(len(found))
    most = wire.MAX_EVENTS.value
    return [
        accepting.ingest(
            request.actor,  # type: ignore[attr-defined]
            request.workspace,  # type: ignore[attr-defined]
            found[start : start + most],
        )
        for start in range(0, len(found), most)
    ]


urlpatterns = [
    path("v1/otlp/v1/logs", take_logs, name="otlp-logs"),
    path("v1/otlp/v1/traces", take_traces, name="otlp-traces"),
]
