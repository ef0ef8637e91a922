"""OTLP bodies of any values, bytes and damage: an answer, and nothing raw."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from controlplane.lib.errors import TooLarge
from telemetry.models import Event
from telemetry.otlp import protobuf
from telemetry.otlp.budget import Malformed
from telemetry.otlp.protobuf import varint
from telemetry.otlp.schema import LOGS_REQUEST
from tests import make
from tests.kit import otlp, settled
from tests.kit.api import Api
from tests.kit.otlp import JSON, LOGS, PROTOBUF, TRACES, logs, post, spans, taken
from tests.kit.otlp_values import SECRETS, attributes, keys, plain, texts, trees

pytestmark = pytest.mark.django_db


@settled.once
def api() -> Api:
    return Api(make.key(make.agent(make.workspace(), role="executor"))[1])


# --- whatever comes ---------------------------------------------------------------------------


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_values__are_taken_and_leave_nothing_raw(api: Api, data: Any) -> None:
    Event.objects.all().delete()
    encoding = data.draw(st.sampled_from([PROTOBUF, JSON]))
    record = {
        "time_unix_nano": otlp.nanos() if data.draw(st.booleans()) else 0,
        "severity_number": data.draw(st.integers(0, 30)),
        "body": data.draw(trees),
        "event_name": data.draw(keys),
        "attributes": data.draw(attributes),
    }
    request = logs(record, resource=data.draw(attributes), scope=data.draw(texts))
    taken(post(api, request, encoding=encoding))
    span = {
        "name": data.draw(texts),
        "attributes": data.draw(attributes),
        "kind": data.draw(st.integers(0, 9)),
        "events": [{"name": data.draw(keys), "attributes": data.draw(attributes)}],
        "status": {"code": data.draw(st.integers(0, 3)), "message": data.draw(texts)},
    }
    taken(post(api, spans(span, resource=data.draw(attributes)), encoding=encoding))
    for row in Event.objects.values():
        fields = dict(row).items()
        left = [name for name, each in fields for secret in SECRETS if secret in str(each)]
        assert not left, (left, row)


@settings(max_examples=80)
@given(body=st.binary(max_size=200))
def test_any_bytes__read_or_refused(body: bytes) -> None:
    with suppress(Malformed, TooLarge):
        protobuf.read(body, LOGS_REQUEST)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bodies__an_answer(api: Api, data: Any) -> None:
    """A good request with a few bytes changed: read by chance, or refused."""
    given_ = data.draw(st.sampled_from([logs({"body": "x", "attributes": {"a": [1, {"b": 2}]}}),
                                        spans({"attributes": {"a": "b"}})]))  # fmt: skip
    body = bytearray(given_.SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    path = LOGS if isinstance(given_, ExportLogsServiceRequest) else TRACES
    response = api.raw("POST", path, bytes(body), type=PROTOBUF)
    assert response.status_code in {200, 400, 413}, response.content


@settings(max_examples=100)
@given(record=st.fixed_dictionaries({"attributes": attributes, "body": trees}), resource=attributes)
def test_reader__sees_what_the_official_one_sees(record: Any, resource: Any) -> None:
    request = logs({**record, "time_unix_nano": 7, "severity_number": 9}, resource=resource)
    found = protobuf.read(request.SerializeToString(), LOGS_REQUEST)
    [group] = found["resource_logs"]
    [read] = group["scope_logs"][0]["log_records"]
    assert (read["time_unix_nano"], read["severity_number"]) == (7, 9)
    assert read.get("attributes", {}) == plain(record["attributes"])
    assert group["resource"].get("attributes", {}) == plain(resource)
    assert read.get("body") == plain(record["body"])


def test_both_requests__have_the_fields_of_the_official_messages() -> None:
    assert ExportLogsServiceRequest.DESCRIPTOR.fields_by_number[1].name == "resource_logs"
    assert ExportTraceServiceRequest.DESCRIPTOR.fields_by_number[1].name == "resource_spans"
    _same(LOGS_REQUEST, ExportLogsServiceRequest.DESCRIPTOR)
    from telemetry.otlp.schema import TRACES_REQUEST

    _same(TRACES_REQUEST, ExportTraceServiceRequest.DESCRIPTOR)
    assert varint(300) == b"\xac\x02"


def _same(form: Any, official: Any) -> None:
    for number, field in form.by_number.items():
        other = official.fields_by_number[number]
        assert (field.name, form.by_name[other.json_name]) == (other.name, field)
        if field.of is not None:
            _same(field.of, other.message_type)
