"""Bodies: length, packing, type and chunks."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory

from controlplane.base.api import bodies
from controlplane.lib.errors import ControlPlaneError
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kit.sample_api")]
ECHO = "/api/v1/echo"


@settled.once
def api() -> Api:
    return Api(make.key(make.agent(make.workspace()))[1])


def chunked(body: bytes, *, terminated: bool = True) -> WSGIRequest:
    """As granian hands it over: no length, and an input that ends by itself."""
    environ = RequestFactory().post("/", content_type="application/json").environ
    del environ["CONTENT_LENGTH"]
    environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    environ["wsgi.input"] = io.BytesIO(body)
    environ["wsgi.input_terminated"] = terminated
    return WSGIRequest(environ)


def test_plain_and_gzip__read_alike(api: Api) -> None:
    body = b'{"text": "hello"}'
    assert api.raw("POST", ECHO, body).json() == {"fields": 1}
    packed = api.raw("POST", ECHO, gzip.compress(body), Content_Encoding="gzip")
    assert packed.json() == {"fields": 1}


def test_gzip_in_two_members__is_one_body() -> None:
    request = RequestFactory().post(
        "/", gzip.compress(b'{"a"') + gzip.compress(b": 1}"), content_type="application/json"
    )
    request.META["HTTP_CONTENT_ENCODING"] = "gzip"
    assert bodies.read_json(request, 100) == {"a": 1}


@pytest.mark.parametrize("type", ["text/plain", "application/x-www-form-urlencoded", "", "a/b/c"])
def test_other_types__are_refused(api: Api, type: str) -> None:
    refused(api.raw("POST", ECHO, b"{}", type), "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "type", ["application/json; charset=utf-16", "application/json;charset=latin-1"]
)
def test_other_charsets__are_refused(api: Api, type: str) -> None:
    refused(api.raw("POST", ECHO, b"{}", type), "UNSUPPORTED_MEDIA_TYPE")


def test_json_in_utf8__is_taken(api: Api) -> None:
    for type in ("application/json; charset=UTF-8", 'Application/JSON; charset="utf-8"'):
        assert api.raw("POST", ECHO, b"{}", type).status_code == 200


def test_empty_body__is_an_empty_object(api: Api) -> None:
    assert api.raw("POST", ECHO, b"", "").json() == {"fields": 0}


def test_large_body__is_refused_in_the_envelope(api: Api) -> None:
    refused(api.raw("POST", ECHO, b" " * 20_001), "TOO_LARGE")
    refused(api.raw("POST", ECHO, b" " * 3_000_000), "TOO_LARGE")


def test_gzip_bomb__costs_its_limit(api: Api) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) > 20_000  # refused for its packed size already
    refused(api.raw("POST", ECHO, bomb, Content_Encoding="gzip"), "TOO_LARGE")
    small = gzip.compress(b" " * 10_000_000)[:20_000]
    refused(api.raw("POST", ECHO, small, Content_Encoding="gzip"), "TOO_LARGE")


@pytest.mark.parametrize(
    "body",
    [b"not gzip", gzip.compress(b'{"a": 1}')[:-9], zlib.compress(b"{}"), b"\x1f\x8b"],
    ids=["text", "cut off", "zlib", "two bytes"],
)
def test_broken_gzip__is_refused(api: Api, body: bytes) -> None:
    refused(api.raw("POST", ECHO, body, Content_Encoding="gzip"), "INVALID_ARGUMENT")


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_other_packings__are_refused(api: Api, encoding: str) -> None:
    refused(api.raw("POST", ECHO, b"{}", Content_Encoding=encoding), "UNSUPPORTED_MEDIA_TYPE")


def test_chunked__is_read_to_its_end() -> None:
    assert bodies.read_json(chunked(b'{"a": 1}'), 100) == {"a": 1}


def test_chunked__stays_within_the_limit() -> None:
    request = chunked(b" " * 1_000)
    with pytest.raises(ControlPlaneError) as refusal:
        bodies.read(request, 100)
    assert refusal.value.error_code == "TOO_LARGE"
    assert request.META["wsgi.input"].tell() == 101  # no further than it had to


def test_chunked__without_an_end__asks_for_a_length() -> None:
    with pytest.raises(ControlPlaneError) as refusal:
        bodies.read(chunked(b"{}", terminated=False), 100)
    assert refusal.value.status == 411


def test_broken_connection__is_the_clients_fault() -> None:
    class Broken:
        def read(self, size: int) -> bytes:
            raise OSError("reset")

    request: Any = chunked(b"")
    request.META["wsgi.input"] = Broken()
    with pytest.raises(ControlPlaneError) as refusal:
        bodies.read(request, 100)
    assert refusal.value.error_code == "INVALID_ARGUMENT"


def test_body__is_read_once_and_kept() -> None:
    request = RequestFactory().post("/", b"{}", content_type="application/json")
    assert bodies.read(request, 10) == b"{}"
    assert bodies.read(request, 10) == b"{}"
    assert request.body == b"{}"
