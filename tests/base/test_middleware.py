"""What holds for every request: ids, addresses, headers, limits, answers to failure."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path
from psycopg_pool import PoolTimeout

from controlplane import urls as portal
from controlplane.base import middleware
from controlplane.lib import context
from controlplane.lib.actors import ANONYMOUS
from controlplane.lib.errors import Conflict, NotAllowed, RateLimited

# --- A portal with a few pages that fail ------------------------------------------------------

ERRORS: dict[str, Callable[[], Exception]] = {
    "conflict": lambda: Conflict("Somebody <b>was</b> faster."),
    "limited": lambda: RateLimited("Slow down.", retry_after=7.2),
    "pool": lambda: PoolTimeout("couldn't get a connection"),
    "database": lambda: OperationalError("server closed the connection: password=hunter2"),
    "bug": lambda: ZeroDivisionError("secret detail"),
    "denied": lambda: NotAllowed(
        "Not yours.",
        denial={
            "actor": ANONYMOUS,
            "action": "workspace.view",
            "subject": "tests:1",
            "rule": "tests",
            "reason": "not yours",
        },
    ),
}
seen: dict[str, Any] = {}


def fail(request: HttpRequest, name: str) -> HttpResponse:
    raise ERRORS[name]()


def look(request: HttpRequest, name: str) -> HttpResponse:
    seen["context"] = context.current()
    return HttpResponse("fine")


urlpatterns = [
    path("tests/fail/<str:name>", fail),
    path("tests/look/<str:name>", look),
    path("api/v1/tests/fail/<str:name>", fail),
    path("", include(portal.urlpatterns)),
]
handler400, handler403 = portal.handler400, portal.handler403
handler404, handler500 = portal.handler404, portal.handler500


@pytest.fixture(autouse=True)
def own_urls(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def browser(db: None) -> Client:
    return Client(raise_request_exception=False)


# --- Ids and addresses ------------------------------------------------------------------------


def test_request_id__made_answered_and_bound(browser: Client) -> None:
    answer = browser.get("/tests/look/a")
    assert len(answer["X-Request-ID"]) == 32
    assert seen["context"].request_id == answer["X-Request-ID"]
    assert context.current().request_id == ""


def test_request_id__given__kept_when_harmless(browser: Client) -> None:
    given = {"X-Request-ID": "call-7", "X-Correlation-ID": "mission-3"}
    answer = browser.get("/tests/look/a", headers=given)
    assert (answer["X-Request-ID"], answer["X-Correlation-ID"]) == ("call-7", "mission-3")
    hostile = browser.get("/tests/look/a", headers={"X-Request-ID": 'x" level="ERROR'})
    assert "level" not in hostile["X-Request-ID"]


def test_traceparent__carried_on(browser: Client) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    browser.get("/tests/look/a", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert seen["context"].trace_id == trace


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # no proxy of ours: not believed
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the left was sent by the caller
        ("127.0.0.1", "198.51.100.1, 10.0.0.9", "198.51.100.1"),  # through two proxies of ours
        ("127.0.0.1", "nonsense", ""),
        ("127.0.0.1", "", "127.0.0.1"),
        ("", "198.51.100.1", "198.51.100.1"),  # a Unix socket
        ("::1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_address__right_most_that_is_not_ours(
    settings: Any, peer: str, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1", "::1", "10.0.0.0/8"]
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded} if forwarded else {})
    request.META["REMOTE_ADDR"] = peer
    assert middleware.address_of(request) == expected


@pytest.mark.parametrize(
    ("path_", "source"),
    [("/admin/x", "console"), ("/api/v1/x", "api"), ("/mcp", "mcp"), ("/access/login/", "web")],
)
def test_source__by_door(path_: str, source: str) -> None:
    assert middleware.source_of(path_) == source


def test_log_line__route_and_status_without_what_people_typed(
    browser: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="controlplane.request"):
        browser.get("/tests/look/ada@example.org?token=hunter2")
    lines = [record for record in caplog.records if record.name == "controlplane.request"]
    assert len(lines) == 1
    everything = str(vars(lines[0]))
    assert "tests/look/<str:name>" in everything
    assert "hunter2" not in everything
    assert "ada@example.org" not in everything


# --- Headers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["/tests/look/a", "/tests/fail/bug", "/nowhere", "/api/v1/nowhere"])
def test_headers__on_every_answer(browser: Client, url: str) -> None:
    answer = browser.get(url)
    policy = answer["Content-Security-Policy"]
    for part in ("default-src 'self'", "object-src 'none'", "frame-ancestors 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]


def test_private_pages__are_not_stored(browser: Client, settings: Any) -> None:
    assert browser.get("/api/v1/nowhere")["Cache-Control"] == "no-store"
    assert "no-store" in browser.get("/admin/")["Cache-Control"]
    assert "Cache-Control" not in browser.get("/tests/look/a").headers
    browser.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    assert browser.get("/tests/look/a")["Cache-Control"] == "no-store"


# --- Limits -----------------------------------------------------------------------------------


def big(browser: Client, url: str) -> Any:
    length = str(middleware.BODY_BYTES.value + 1)
    return browser.post(url, b"{}", content_type="application/json", CONTENT_LENGTH=length)


def test_body__too_large__413_before_it_is_read(browser: Client) -> None:
    answer = big(browser, "/api/v1/tests/fail/bug")
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "TOO_LARGE"
    answer = big(browser, "/tests/fail/bug")
    assert answer.status_code == 413
    assert answer["Content-Type"].startswith("text/html")


@pytest.mark.django_db
def test_body__of_a_route_that_takes_more__is_for_the_route_to_refuse(browser: Client) -> None:
    answer = big(browser, "/api/v1/work/import")
    assert answer.status_code == 401


@pytest.mark.parametrize("length", ["-1", "1e3", "٣", "0x10"])
def test_body__length_is_no_number__400(browser: Client, length: str) -> None:
    answer = browser.post("/tests/look/a", b"", content_type="text/plain", CONTENT_LENGTH=length)
    assert answer.status_code == 400


@pytest.mark.parametrize("url", ["/tests/look/a%00b", "/tests/look/a?q=%00", "/api/v1/x%00"])
def test_nul__in_an_address__400(browser: Client, url: str) -> None:
    assert browser.get(url).status_code == 400


# --- Failure ----------------------------------------------------------------------------------


def test_product_error__page_with_reason_and_id__escaped(browser: Client) -> None:
    answer = browser.get("/tests/fail/conflict")
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody &lt;b&gt;was&lt;/b&gt; faster." in text
    assert answer["X-Request-ID"] in text
    assert "<main>" in text
    assert "<h1>" in text


def test_product_error__on_the_api__the_envelope(browser: Client) -> None:
    answer = browser.get("/api/v1/tests/fail/conflict")
    assert answer.status_code == 409
    error = json.loads(answer.content)["error"]
    assert error["code"] == "CONFLICT"
    assert error["request_id"] == answer["X-Request-ID"]
    assert set(error) == {"code", "message", "details", "request_id"}


def test_retry_after__rounded_to_seconds(browser: Client) -> None:
    answer = browser.get("/tests/fail/limited")
    assert (answer.status_code, answer["Retry-After"]) == (429, "7")


@pytest.mark.parametrize("name", ["pool", "database"])
@pytest.mark.parametrize("door", ["/tests/fail/", "/api/v1/tests/fail/"])
def test_database_away__503_and_when_to_come_back(browser: Client, door: str, name: str) -> None:
    answer = browser.get(door + name)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) >= 1
    assert b"hunter2" not in answer.content


@pytest.mark.parametrize("door", ["/tests/fail/", "/api/v1/tests/fail/"])
def test_bug__500_without_details_or_database(
    browser: Client, door: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        answer = browser.get(door + "bug")
    assert answer.status_code == 500
    assert b"secret detail" not in answer.content
    assert answer["X-Request-ID"].encode() in answer.content


def test_denial__403_and_in_the_audit_log(browser: Client) -> None:
    from controlplane.audit.models import AuditEvent

    assert browser.get("/tests/fail/denied").status_code == 403
    event = AuditEvent.objects.get(outcome="denied")
    assert (event.rule, event.source) == ("tests", "web")


def test_nothing_there__404_page_and_envelope(browser: Client) -> None:
    assert b"request id" in browser.get("/nowhere").content.lower()
    assert browser.get("/api/v1/nowhere").json()["error"]["code"] == "NOT_FOUND"


def test_wrong_host__400(browser: Client) -> None:
    assert browser.get("/tests/look/a", headers={"Host": "evil.example"}).status_code == 400


@pytest.fixture
def session_table_away(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.sessions.backends.db import SessionStore

    def away(self: Any) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(SessionStore, "load", away)


def test_database_away__outside_any_view__503_too(
    browser: Client, settings: Any, session_table_away: None
) -> None:
    browser.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    assert browser.get("/tests/look/a").status_code == 503
