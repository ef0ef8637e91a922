"""Plain views share the door; deprecated ones say so; classes of routes are documented alike."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from controlplane.base.api import views
from controlplane.base.api.deprecation import Deprecation, deprecated
from controlplane.base.api.plain import plain_view
from tests import make
from tests.kit import sample_api
from tests.kit.api import Api, refused

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kit.sample_api")]
PLAIN = "/api/v1/plain"


@pytest.fixture
def ws() -> Any:
    return make.workspace()


@pytest.fixture
def api(ws: Any) -> Api:
    return Api(make.key(make.agent(ws, role=""))[1])


def test_plain_view__answers_data_and_statuses(api: Api, ws: Any) -> None:
    assert api.get(PLAIN).json() == {"workspace": ws.slug}
    made = api.post(PLAIN, {"text": "x"})
    assert (made.status_code, made.json()) == (201, {"got": {"text": "x"}})
    assert made["Cache-Control"] == "no-store"
    assert "RateLimit-Remaining" in made


def test_plain_view__refuses_like_all_routes(api: Api, ws: Any) -> None:
    refused(Api().post(PLAIN, {}), "UNAUTHORIZED")
    viewer = Api(make.key(make.agent(ws, role=""), scopes=["agent.view"])[1])
    refused(viewer.post(PLAIN, {}), "FORBIDDEN")
    refused(api.send("DELETE", PLAIN), "METHOD_NOT_ALLOWED")
    refused(api.raw("POST", PLAIN, b"{", "application/json"), "INVALID_ARGUMENT")
    refused(api.raw("POST", PLAIN, b"{}", "text/plain"), "UNSUPPORTED_MEDIA_TYPE")
    refused(api.raw("POST", PLAIN, b" " * 10_001), "TOO_LARGE")
    refused(api.get(f"{PLAIN}?nmae=x"), "INVALID_ARGUMENT")
    assert api.get(f"{PLAIN}?name=x").status_code == 200
    foreign = {"X-Workspace": make.workspace().slug}
    refused(api.get(PLAIN, **foreign), "NOT_FOUND")
    refused(api.post(PLAIN, {}, **foreign), "WORKSPACE_MISMATCH")


def test_plain_view__refuses_a_payload_that_contradicts_the_claims(ws: Any) -> None:
    agent = Api(make.key(make.agent(ws, role=""))[1])
    refused(agent.post(PLAIN, {"agent_id": "another"}), "CLAIM_MISMATCH")


def test_plain_view__needs_the_csrf_token_with_a_session(ws: Any) -> None:
    browser = make.client(make.person(ws, "workspace_admin"))
    browser.handler.enforce_csrf_checks = True
    assert "csrf" in refused(Api(browser=browser).post(PLAIN, {}), "FORBIDDEN")


def test_plain_view__is_described_by_a_class() -> None:
    kind = sample_api.plain_echo.cls  # type: ignore[attr-defined]
    assert issubclass(kind, views.PortalAPIView)
    assert kind.actions == {"POST": "agent.manage", "GET": "agent.view"}
    with pytest.raises(NotImplementedError):
        kind().get(None)


def test_plain_view__failing_is_the_envelope() -> None:
    @plain_view(actions={"GET": views.ANYONE}, in_workspace=False)
    def broken(request: Any) -> None:
        raise RuntimeError("secret words")

    from django.test import RequestFactory

    request: Any = RequestFactory().get("/")
    answer = broken(request)
    assert answer.status_code == 500
    assert b"secret words" not in answer.content


def test_deprecated_route__says_since_when_and_until_when() -> None:
    answer = Api().get("/api/v1/old")
    assert answer["Deprecation"] == "@1767225600"
    assert answer["Sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert answer["Link"] == '<https://example.org/v2>; rel="deprecation"'


def test_deprecated_route__says_so_in_refusals_too() -> None:
    assert refused(Api().get("/api/v1/old?x=1"), "INVALID_ARGUMENT") == {"x": "Unknown parameter."}
    assert "Sunset" in Api().get("/api/v1/old?x=1")


def test_deprecation__is_announced_before_it_ends() -> None:
    with pytest.raises(ValueError, match="announced"):
        Deprecation(date(2026, 1, 2), date(2026, 1, 1), "x")


def test_deprecated__marks_a_plain_view_through_its_class() -> None:
    @plain_view(actions={"GET": views.ANYONE}, in_workspace=False)
    def old(request: Any) -> dict[str, Any]:
        return {}

    marked: Any = deprecated(since=date(2026, 1, 1), sunset=date(2026, 2, 1), link="x")(old)
    from django.test import RequestFactory

    request: Any = RequestFactory().get("/")
    assert "Sunset" in marked(request)
