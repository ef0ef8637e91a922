"""Who calls with a credential of its own passes by what looks after browsers, and nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from controlplane.base import browsers
from tests import make

KEY = {"HTTP_AUTHORIZATION": "Bearer something"}
COOKIE = {"HTTP_COOKIE": f"{settings.SESSION_COOKIE_NAME}=abc"}
ALL = (
    browsers.Messages, browsers.SecondFactors, browsers.Users, browsers.Csrf, browsers.Sessions,
)  # fmt: skip


def _seen(path: str, **headers: Any) -> HttpRequest:
    """The request as it comes to a view."""
    seen: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    answer: Any = view
    for each in ALL:
        answer = each(answer)
    answer(RequestFactory().post(path, **headers))
    return seen[0]


@pytest.mark.parametrize("path", ["/api/v1/threads", "/mcp"])
def test_call_with_a_credential__has_no_session_and_is_nobody(path: str) -> None:
    request = _seen(path, **KEY)
    assert not hasattr(request, "session")
    assert request.user.is_anonymous


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/api/v1/threads", {}), ("/api/v1/threads", KEY | COOKIE), ("/mcp", KEY | COOKIE),
     ("/admin/", KEY), ("/desk/", KEY), ("/account/login", KEY)],
)  # fmt: skip
def test_anything_else__is_looked_after_as_ever(path: str, headers: dict[str, str]) -> None:
    request = _seen(path, **headers)
    assert isinstance(request.session, SessionBase)


def test_form_of_a_page__with_any_credential__needs_its_token() -> None:
    def form(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    check = browsers.Csrf(form)
    given: list[tuple[str, Any]]
    given = [("/admin/x", KEY), ("/api/v1/x", KEY | COOKIE), ("/api/v1/x", {})]
    for path, headers in given:
        request = RequestFactory().post(path, **headers)
        refusal = check.process_view(request, form, (), {})
        assert refusal is not None, path
        assert refusal.status_code == 403


@pytest.mark.django_db
def test_stranger__wrong_key_beside_no_session__is_refused() -> None:
    answer = Client().get("/api/v1/threads/inbox", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
    assert answer["X-Request-ID"]
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_key__is_taken_counted_and_acts_as_its_agent() -> None:
    workspace = make.workspace()
    agent = make.agent(workspace)
    _, key = make.key(agent)
    answer = Client().get("/api/v1/threads/inbox", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200
    assert answer["RateLimit-Limit"]
