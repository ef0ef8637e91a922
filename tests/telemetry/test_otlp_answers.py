"""What is answered to exporters: by the protocol's rules, in the encoding they sent."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from controlplane.lib.errors import Unavailable
from telemetry import pressure
from telemetry.models import Event, Refusal
from tests import make
from tests.kit import otlp, settled
from tests.kit.api import Api
from tests.kit.otlp import JSON, LOGS, PROTOBUF, TRACES, logs, post, refused, spans, taken

pytestmark = pytest.mark.django_db
ENCODINGS = pytest.mark.parametrize("encoding", [PROTOBUF, JSON])
INVALID, DENIED, EXHAUSTED, AWAY, UNKNOWN_CALLER = 3, 7, 8, 14, 16


@settled.once
def workspace() -> Any:
    return make.workspace()


@settled.once
def api(workspace: Any) -> Api:
    return Api(make.key(make.agent(workspace, role="executor"))[1])


@ENCODINGS
def test_taken__is_an_empty_answer(api: Api, encoding: str) -> None:
    for request in (logs({"body": "x"}), spans({})):
        response = post(api, request, encoding=encoding)
        assert response["Content-Type"] == encoding
        assert response.content == (b"" if encoding == PROTOBUF else b"{}")
    assert Event.objects.count() == 2


@pytest.mark.parametrize("path", ["/v1/logs", "/v1/traces", LOGS, TRACES])
def test_empty_body__is_a_batch_of_nothing(api: Api, path: str) -> None:
    taken(api.raw("POST", path, b"", Content_Type=PROTOBUF))
    taken(api.raw("POST", path, b"{}", type=JSON))


@ENCODINGS
def test_gzip__and_charset(api: Api, encoding: str) -> None:
    request = logs({"body": "x"})
    body = request.SerializeToString()
    if encoding == JSON:
        body = json.dumps(otlp.as_json(request)).encode()
        encoding += "; charset=utf-8"
    taken(api.raw("POST", LOGS, gzip.compress(body), type=encoding, Content_Encoding="gzip"))
    assert Event.objects.count() == 1


@ENCODINGS
def test_refused_records__are_counted_and_their_neighbours_stored(
    api: Api, workspace: Any, encoding: str
) -> None:
    year = 365 * 86_400
    request = logs(
        {"body": "old", "time_unix_nano": otlp.nanos(2 * year)},
        {"body": "new", "time_unix_nano": otlp.nanos(-2 * year)},
        {"body": "newest", "time_unix_nano": 2**64 - 1},
        {"body": "foreign", "attributes": {"tenant.id": "somebody-else"}},
        {"body": "good", "attributes": {"tenant.id": str(workspace.uid)}},
    )
    said = taken(post(api, request, encoding=encoding), rejected=4)
    assert "TOO_OLD" in said
    assert "2 TOO_NEW" in said
    assert "WORKSPACE_MISMATCH" in said
    assert Event.objects.get().message == "good"
    assert sum(Refusal.objects.values_list("total", flat=True)) == 4


@ENCODINGS
def test_span_without_ids__is_refused(api: Api, encoding: str) -> None:
    request = spans({"trace_id": "00" * 16}, {"span_id": "abcd"}, {"trace_id": ""}, {})
    assert "BAD_VALUE" in taken(post(api, request, encoding=encoding), rejected=3)


@ENCODINGS
def test_delivered_again__stored_once(api: Api, encoding: str) -> None:
    same = {"body": "same", "time_unix_nano": otlp.nanos()}
    batch = logs(same, same, {**same, "attributes": {"n": 1}})
    for _ in range(2):
        taken(post(api, batch, encoding=encoding))
    assert Event.objects.count() == 3
    trace = spans({}, {"kind": 2, "span_id": "aa" * 8}, {"kind": 3, "span_id": "aa" * 8})
    for _ in range(2):
        taken(post(api, trace, encoding=encoding))
    assert Event.objects.count() == 6


def test_delivered_again__in_the_other_encoding__stored_once(api: Api) -> None:
    batch = logs({"body": {"b": 1, "a": [1.5, True, "x"]}, "attributes": {"z": 1, "a": b"\x01"}})
    taken(post(api, batch))
    taken(post(api, batch, encoding=JSON))
    assert Event.objects.count() == 1


def test_origin__tells_equal_records_apart(api: Api) -> None:
    same = {"body": "same", "time_unix_nano": otlp.nanos()}
    for resource in ({"service.instance.id": "a"}, {"service.instance.id": "b"}):
        taken(post(api, logs(same, resource=resource)))
    assert Event.objects.count() == 2


def test_batch_of_many__in_portions(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_TELEMETRY_MAX_BATCH", "4")
    taken(post(api, logs(*[{"body": f"{n}"} for n in range(10)])))
    assert Event.objects.count() == 10
    monkeypatch.setenv("CONTROLPLANE_TELEMETRY_OTLP_MAX_RECORDS", "9")
    response = post(api, logs(*[{"body": f"{n}"} for n in range(10)]))
    assert refused(response, 413, "TOO_LARGE").code == INVALID


@ENCODINGS
def test_pressure__503_with_a_time_to_wait(
    api: Api, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    def full() -> None:
        raise Unavailable("Telemetry is catching up. Send it again.", retry_after=10)

    monkeypatch.setattr(pressure, "check", full)
    response = post(api, logs({"body": "x"}), encoding=encoding)
    assert refused(response, 503, "UNAVAILABLE").code == AWAY
    assert response["Retry-After"] == "10"
    assert response["Content-Type"] == encoding


@ENCODINGS
def test_limit__429_with_a_time_to_wait(
    api: Api, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv("CONTROLPLANE_API_LIMIT_HOT", "1")
    taken(post(api, logs({"body": "x"}), encoding=encoding))
    response = post(api, logs({"body": "y"}), encoding=encoding)
    assert refused(response, 429, "RATE_LIMITED").code == EXHAUSTED
    assert int(response["Retry-After"]) >= 1


@pytest.mark.parametrize("type", ["text/plain", "application/x-ndjson", "", "multipart/form-data"])
def test_other_types__415(api: Api, type: str) -> None:
    found = refused(api.raw("POST", LOGS, b"{}", type=type), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert found.code == INVALID


def test_other_encodings__415(api: Api) -> None:
    response = api.raw("POST", LOGS, b"{}", type=PROTOBUF, Content_Encoding="zstd")
    refused(response, 415, "UNSUPPORTED_MEDIA_TYPE")
    latin = api.raw("POST", LOGS, b"{}", type=f"{JSON}; charset=latin-1")
    refused(latin, 415, "UNSUPPORTED_MEDIA_TYPE")


@ENCODINGS
@pytest.mark.parametrize("path", [LOGS, TRACES, "/v1/logs"])
def test_strangers__may_not_report(encoding: str, path: str) -> None:
    workspace = make.workspace()
    nobody = Api().raw("POST", path, b"", type=encoding)
    assert refused(nobody, 401, "UNAUTHORIZED").code == UNKNOWN_CALLER
    assert nobody["WWW-Authenticate"]
    wrong = Api("cp_nonsense").raw("POST", path, b"", type=encoding)
    assert refused(wrong, 401, "UNAUTHORIZED").code == UNKNOWN_CALLER
    viewer = Api(browser=make.client(make.person(workspace, "viewer")))
    assert refused(viewer.raw("POST", path, b"", type=encoding), 403, "FORBIDDEN").code == DENIED


@ENCODINGS
@pytest.mark.parametrize("path", [LOGS, "/v1/logs"])
def test_other_workspace__is_refused(api: Api, workspace: Any, encoding: str, path: str) -> None:
    elsewhere = make.workspace()
    named = {"Content_Type": encoding, "X_Workspace": elsewhere.slug}
    refused(api.raw("POST", path, b"{}", **named), 403, "WORKSPACE_MISMATCH")
    assert not Event.objects.exists()
    body = b"" if encoding == PROTOBUF else b"{}"
    taken(api.raw("POST", path, body, Content_Type=encoding, X_Workspace=workspace.slug))


def test_other_methods__405(api: Api) -> None:
    response = api.get(LOGS)
    refused(response, 405, "METHOD_NOT_ALLOWED")
    assert response["Allow"] == "POST"
