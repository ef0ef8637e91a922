"""Bodies that nobody's exporter sends: a precise answer, never a failure, never raw data."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any

import pytest

from telemetry.models import Event
from telemetry.otlp.protobuf import data
from tests import make
from tests.kit import otlp, settled
from tests.kit.api import Api
from tests.kit.otlp import JSON, LOGS, PROTOBUF, TRACES, logs, post, refused, spans, taken

pytestmark = pytest.mark.django_db
ENCODINGS = pytest.mark.parametrize("encoding", [PROTOBUF, JSON])


@settled.once
def api() -> Api:
    return Api(make.key(make.agent(make.workspace(), role="executor"))[1])


def nested(kind: int, depth: int) -> bytes:
    """An AnyValue of arrays (5) or maps (6) in one another."""
    inner = data(1, "end")
    for _ in range(depth):
        inner = data(kind, data(1, inner if kind == 5 else data(1, "k") + data(2, inner)))
    return inner


def in_record(record: bytes) -> bytes:
    return data(1, data(2, data(2, record)))


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"\x0a",
        b"\x0a\xff\xff\xff\xff\x0f",
        b"\x0a\x05abc",
        b"\x08" + b"\xff" * 11,
        b"\x0b\x0c",
        b"\x0f",
        b"plain text",
        b'{"resourceLogs": []}',
        random.Random(7).randbytes(2_000),
        data(1, data(2, data(2, b"\x09\x01"))),
    ],
)
def test_malformed_protobuf__400(api: Api, body: bytes) -> None:
    for path in (LOGS, TRACES):
        response = api.raw("POST", path, body, type=PROTOBUF)
        assert refused(response, 400, "INVALID_ARGUMENT").code == 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"resourceLogs": 5}',
        b'{"resourceLogs": [5]}',
        b'{"resourceLogs": [{"scopeLogs": {}}]}',
        b'{"resourceLogs": [{"resource": {"attributes": {"a": 1}}}]}',
        b'{"resourceLogs": [{"resource": {"attributes": [{"key": 5}]}}]}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"resourceLogs": "\\ud800"}',
    ],
)
def test_malformed_json__400(api: Api, body: bytes) -> None:
    response = api.raw("POST", LOGS, body, Content_Type=JSON)
    assert refused(response, 400, "INVALID_ARGUMENT").code == 3


def as_logs(*records: Any) -> bytes:
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()


def test_wrong_record_in_json__refused_alone(api: Api) -> None:
    bad: list[Any] = [
        5,
        {"attributes": {"a": 1}},
        {"attributes": [{"key": "a", "value": 5}]},
        {"attributes": [{"key": "a", "value": {"intValue": "many"}}]},
        {"attributes": [{"key": "a", "value": {"intValue": 2**70}}]},
        {"attributes": [{"key": "a", "value": {"boolValue": "true"}}]},
        {"attributes": [{"key": "a", "value": {"bytesValue": "\x00"}}]},
        {"attributes": [{"key": "a", "value": {"arrayValue": [1]}}]},
        {"timeUnixNano": "soon"},
        {"timeUnixNano": -5},
        {"timeUnixNano": "-5"},
        {"timeUnixNano": 1.5},
        {"timeUnixNano": True},
        {"severityNumber": "LOUD"},
        {"severityNumber": -1},
        {"traceId": "xyz"},
        {"traceId": "5b8efff798038103d269b633813fc6"},
        {"spanId": 5},
        {"body": "text"},
        {"eventName": ["a"]},
    ]
    fine = {"body": {"stringValue": "fine"}, "unknownField": {"a": [1]}, "traceId": None}
    said = taken(api.raw("POST", LOGS, as_logs(fine, *bad, fine)), rejected=len(bad) - 1)
    assert "BAD_VALUE" in said
    # An id of another length counts as absent on a log, and the record stands.
    assert Event.objects.filter(message="fine").count() == 2
    assert Event.objects.count() == 3


def test_json__as_lenient_as_the_protocol_asks(api: Api) -> None:
    now = otlp.nanos()
    record = {
        "time_unix_nano": str(now),
        "severity_number": "SEVERITY_NUMBER_WARN2",
        "body": {"string_value": "snake"},
        "trace_id": otlp.TRACE.upper(),
        "attributes": [
            {"key": "int", "value": {"intValue": "9007199254740993"}},
            {"key": "plain", "value": {"int_value": 7}},
            {"key": "nan", "value": {"doubleValue": "NaN"}},
            {"key": "whole", "value": {"doubleValue": 3}},
            {"key": "none", "value": {}},
            {"key": "null", "value": None},
            {"key": "list", "value": {"arrayValue": {}}},
            {"key": "map", "value": {"kvlistValue": {"values": None}}},
            {"value": {"stringValue": "no key"}},
        ],
    }
    body = {"resource_logs": [{"scope_logs": [{"log_records": [record]}]}]}
    taken(api.post(LOGS, body))
    row = Event.objects.get()
    assert (row.message, row.level, row.trace_id) == ("snake", 30, otlp.TRACE)
    assert row.context == {
        "int": 9007199254740993,
        "plain": 7,
        "nan": "nan",
        "whole": 3,
        "none": None,
        "null": None,
        "list": [],
        "map": {},
        "": "no key",
    }


@pytest.mark.parametrize("kind", [5, 6])
@pytest.mark.parametrize("depth", [40, 20_000])
def test_deep_values__cut_where_they_get_deep(api: Api, kind: int, depth: int) -> None:
    at = otlp.nanos().to_bytes(8, "little")
    record = (
        b"\x09" + at + data(5, data(1, "x")) + data(6, data(1, "a") + data(2, nested(kind, depth)))
    )
    taken(api.raw("POST", LOGS, in_record(record), type=PROTOBUF))
    row = Event.objects.get()
    assert "nested too deeply" in str(row.context)


def test_deep_json_values__cut_or_refused(api: Api) -> None:
    inner: Any = {"stringValue": "end"}
    for _ in range(60):
        inner = {"arrayValue": {"values": [inner]}}
    taken(api.raw("POST", LOGS, as_logs({"body": inner})))
    assert "nested too deeply" in str(Event.objects.get().context)


@ENCODINGS
def test_giant_lists__cut_and_told(api: Api, encoding: str) -> None:
    attributes = {f"k{n}": n for n in range(600)}
    taken(post(api, logs({"body": "x", "attributes": {"n": [1] * 5_000}}), encoding=encoding))
    taken(
        post(api, spans({"attributes": {**attributes, "l": list(range(600))}}), encoding=encoding)
    )
    listed = Event.objects.get(event_type="log")
    spanned = Event.objects.get(event_type="span")
    assert len(listed.context["n"]) < 1_000
    assert listed.context["attributes_left_out"] > 4_000
    assert spanned.context["attributes_left_out"] > 200


def test_millions_of_empty_things__413(api: Api) -> None:
    for body in (b"\x0a\x00" * 1_000_000, in_record(b"\x32\x00" * 1_000_000)):
        refused(api.raw("POST", LOGS, body, type=PROTOBUF), 413, "TOO_LARGE")
    refused(
        api.raw("POST", LOGS, in_record(b"\x32\x00" * 10) * 30_000, type=PROTOBUF), 413, "TOO_LARGE"
    )
    many = b'{"resourceLogs":[' + b"{}," * 900_000 + b"{}]}"
    refused(api.raw("POST", LOGS, many), 413, "TOO_LARGE")


def test_large_bodies_and_bombs__413(api: Api) -> None:
    text = logs({"body": "x" * (10 * 1024 * 1024)}).SerializeToString()
    for body, more in (
        (text, {}),
        (gzip.compress(text), {"Content_Encoding": "gzip"}),
        (gzip.compress(b"\0" * (200 * 1024 * 1024)), {"Content_Encoding": "gzip"}),
    ):
        response = api.raw("POST", LOGS, body, type=PROTOBUF, **more)
        assert refused(response, 413, "TOO_LARGE").code == 3
        assert response["Content-Type"] == PROTOBUF
    broken = gzip.compress(text[:5_000])[:-9]
    response = api.raw("POST", LOGS, broken, type=PROTOBUF, Content_Encoding="gzip")
    refused(response, 400, "INVALID_ARGUMENT")


def test_four_megabytes_of_text__stored_within_bounds(api: Api) -> None:
    taken(post(api, logs({"body": "word " * 800_000})))
    assert len(Event.objects.get().message or "") <= 16 * 1024


def test_huge_context__refused_with_a_reason(api: Api) -> None:
    attributes = {f"k{n}": "word " * 3_000 for n in range(8)}
    said = taken(post(api, logs({"attributes": attributes}, {"body": "good"})), rejected=1)
    assert "TOO_LARGE" in said
    assert Event.objects.get().message == "good"


@ENCODINGS
def test_nul_and_broken_text__replaced(api: Api, encoding: str) -> None:
    request = logs(
        {"body": "a\x00b", "event_name": "e\x00v", "attributes": {"k\x00": "v\x00", "l": ["\x00"]}},
        resource={"service.name": "s\x00"},
        scope="sc\x00",
    )
    taken(post(api, request, encoding=encoding))
    row = Event.objects.get()
    assert row.message == "a\ufffdb"
    assert "\x00" not in str(row.context)
    assert row.service == "s\ufffd"


def test_invalid_utf8__replaced(api: Api) -> None:
    at = otlp.nanos().to_bytes(8, "little")
    record = b"\x09" + at + data(5, data(1, b"caf\xe9 \xff\xed\xa0\x80"))
    taken(api.raw("POST", LOGS, in_record(record), type=PROTOBUF))
    assert (Event.objects.get().message or "").startswith("caf\ufffd ")


def test_wrong_wire_types__are_unknown_fields(api: Api) -> None:
    at = otlp.nanos().to_bytes(8, "little")
    record = (
        b"\x09" + at + b"\x10\x11" + b"\x28\x05" + b"\x1d\x01\x02\x03\x04" + b"\xf8\xff\x07\x01"
    )
    taken(api.raw("POST", LOGS, in_record(record), type=PROTOBUF))
    assert Event.objects.get().level == 40


@pytest.mark.parametrize("start", [0, 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize("end", [0, 1, 2**63, 2**64 - 1])
def test_odd_times_of_spans__a_verdict(api: Api, start: int, end: int) -> None:
    request = spans({"start_time_unix_nano": start, "end_time_unix_nano": end})
    response = post(api, request)
    taken(response, rejected=int(bool(start or end)))
    if not start and not end:
        row = Event.objects.get()
        assert (row.duration_ms, row.occurred_at) == (None, row.received_at)


def test_clock_that_went_back__no_duration(api: Api) -> None:
    end = otlp.nanos()
    taken(post(api, spans({"start_time_unix_nano": end + 10**9, "end_time_unix_nano": end})))
    assert Event.objects.get().duration_ms is None


@pytest.mark.parametrize("encoding", [PROTOBUF, JSON])
@pytest.mark.parametrize("said", ["text", ["text"], [1, {"exception.type": "E"}], {"a": 1}, 7])
def test_attribute_called_like_a_part_of_the_span__is_an_attribute(
    api: Api, encoding: str, said: Any
) -> None:
    failed = {"attributes": {"events": said, "links": said}, "status": {"code": 2}}
    taken(post(api, spans(failed), encoding=encoding))
    row = Event.objects.get()
    assert (row.status, row.code) == ("error", "ERROR")
    assert row.context["events"] == said
