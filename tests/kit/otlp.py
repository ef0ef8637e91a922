"""OTLP requests for tests: built with the official message classes, sent in either encoding."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from controlplane.lib import clock
from tests.kit.api import Api

LOGS = "/api/v1/otlp/v1/logs"
TRACES = "/api/v1/otlp/v1/traces"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def nanos(seconds_ago: float = 5) -> int:
    return int((clock.now().timestamp() - seconds_ago) * 1_000_000) * 1_000


def value(plain: Any) -> AnyValue:
    made = AnyValue()
    if isinstance(plain, bool):
        made.bool_value = plain
    elif isinstance(plain, str):
        made.string_value = plain
    elif isinstance(plain, int):
        made.int_value = plain
    elif isinstance(plain, float):
        made.double_value = plain
    elif isinstance(plain, bytes):
        made.bytes_value = plain
    elif isinstance(plain, list):
        made.array_value.values.extend([value(each) for each in plain])
        made.array_value.SetInParent()
    elif isinstance(plain, dict):
        made.kvlist_value.values.extend(pairs(plain))
        made.kvlist_value.SetInParent()
    return made


def pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value(each)) for key, each in attributes.items()]


def logs(
    *records: dict[str, Any], resource: dict[str, Any] | None = None, scope: str = ""
) -> ExportLogsServiceRequest:
    """Records by their protobuf names; `attributes` and `body` as plain values."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.extend(pairs(resource or {}))
    part = group.scope_logs.add()
    part.scope.name = scope
    for record in records:
        given = dict(record)
        body, attributes = given.pop("body", None), given.pop("attributes", {})
        given.setdefault("time_unix_nano", nanos())
        made = part.log_records.add(**_ids(given), attributes=pairs(attributes))
        if body is not None:
            made.body.CopyFrom(value(body))
    return request


def spans(
    *given: dict[str, Any], resource: dict[str, Any] | None = None, scope: str = ""
) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(pairs(resource or {}))
    part = group.scope_spans.add()
    part.scope.name = scope
    for number, each in enumerate(given, start=1):
        fields = {"trace_id": TRACE, "span_id": f"{number:016x}", "name": "work", **each}
        end = fields.setdefault("end_time_unix_nano", nanos())
        fields.setdefault("start_time_unix_nano", end - 250_000_000)
        attributes = pairs(fields.pop("attributes", {}))
        events = [
            {**event, "attributes": pairs(event.get("attributes", {}))}
            for event in fields.pop("events", [])
        ]
        part.spans.add(**_ids(fields), attributes=attributes, events=events)
    return request


def _ids(fields: dict[str, Any]) -> dict[str, Any]:
    for name in ("trace_id", "span_id", "parent_span_id"):
        if isinstance(fields.get(name), str):
            fields[name] = bytes.fromhex(fields[name])
    return fields


def as_json(request: Any) -> dict[str, Any]:
    """As exporters write it: ids in hexadecimal, against protobuf's own rule."""
    found: dict[str, Any] = MessageToDict(request, use_integers_for_enums=True)
    _hex_ids(found)
    return found


def _hex_ids(node: Any) -> None:
    import base64

    if isinstance(node, list):
        for each in node:
            _hex_ids(each)
    elif isinstance(node, dict):
        for key, each in node.items():
            if key in {"traceId", "spanId", "parentSpanId"}:
                node[key] = base64.b64decode(each).hex()
            else:
                _hex_ids(each)


def post(api: Api, request: Any, *, encoding: str = PROTOBUF, **headers: str) -> Any:
    path = LOGS if isinstance(request, ExportLogsServiceRequest) else TRACES
    body = request.SerializeToString()
    if encoding == JSON:
        body = json.dumps(as_json(request)).encode()
    return api.raw("POST", path, body, type=encoding, **headers)


def taken(response: Any, *, rejected: int = 0) -> str:
    """200 with that many refused; what is said of them. In the encoding that came."""
    assert response.status_code == 200, response.content[:500]
    if response["Content-Type"] == PROTOBUF:
        logs, traces = ExportLogsServiceResponse(), ExportTraceServiceResponse()
        logs.ParseFromString(response.content)
        traces.ParseFromString(response.content)
        assert logs.partial_success.rejected_log_records == rejected, logs
        assert traces.partial_success.rejected_spans == rejected
        assert response.content or not rejected
        return str(logs.partial_success.error_message)
    body = json.loads(response.content)
    if not rejected:
        assert body == {}
        return ""
    partial = body["partialSuccess"]
    name = "rejectedSpans" if "rejectedSpans" in partial else "rejectedLogRecords"
    assert partial[name] == str(rejected)
    return str(partial["errorMessage"])


def refused(response: Any, status: int, code: str) -> Status:
    """A `google.rpc.Status` in the encoding that came, with the portal's own code in it."""
    assert response.status_code == status, response.content[:500]
    found = Status()
    if response["Content-Type"] == PROTOBUF:
        found.ParseFromString(response.content)
        info = ErrorInfo()
        assert found.details[0].Unpack(info)
        reason, request_id = info.reason, info.metadata["request_id"]
    else:
        body = json.loads(response.content)
        assert set(body) == {"code", "message", "details"}
        found.code, found.message = body["code"], body["message"]
        reason = body["details"][0]["reason"]
        request_id = body["details"][0]["metadata"]["request_id"]
    assert reason == code, found
    assert request_id == response["X-Request-ID"]
    assert found.message
    return found
