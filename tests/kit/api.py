"""Talking to API routes as an agent, a person or nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from controlplane.access import credential_cache
from controlplane.base.api import counters, throttles, workspaces
from controlplane.lib.errors import CODES
from deployments.flags.serving import counting
from deployments.flags.serving.store import store


def reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing remembered of the test before; no limit for the many requests of one address, and
    temporary rules read once, so that counted queries stay countable."""
    counters.forget()
    workspaces.forget()
    credential_cache.clear()
    throttles._expire()
    store.clear()
    counting.forget()
    monkeypatch.setenv("CONTROLPLANE_API_LIMIT_ANONYMOUS", "1000000")
    monkeypatch.setenv("CONTROLPLANE_API_THROTTLE_RULES_SECONDS", "3600")


class Api:
    """A caller of the API. `Api()` is nobody; `Api(secret)` sends it as a bearer credential;
    `Api(browser=make.client(person))` comes with a console session."""

    def __init__(self, secret: str = "", *, browser: Client | None = None, **headers: str) -> None:
        self.client = browser or Client(raise_request_exception=False)
        self.client.raise_request_exception = False
        self.headers = dict(headers)
        if secret:
            self.headers["Authorization"] = f"Bearer {secret}"

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers={**self.headers, **headers})

    def post(self, path: str, data: Any = None, **headers: str) -> Any:
        return self.send("POST", path, data, **headers)

    def send(self, method: str, path: str, data: Any = None, **headers: str) -> Any:
        body = b"" if data is None else json.dumps(data).encode()
        return self.raw(method, path, body, **headers)

    def raw(
        self, method: str, path: str, body: bytes, type: str = "application/json", **headers: str
    ) -> Any:
        sent = {**self.headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
        return self.client.generic(method, path, body, content_type=type, headers=sent)


def refused(response: HttpResponse | Any, code: str) -> dict[str, Any]:
    """The answer is the envelope with this code; its details."""
    assert response["Content-Type"] == "application/json", response.content[:300]
    body = json.loads(response.content)
    assert set(body) == {"error"}, body
    error = body["error"]
    assert set(error) == {"code", "message", "details", "request_id"}, error
    assert (error["code"], response.status_code) == (code, CODES[code]), error
    assert error["request_id"] == response["X-Request-ID"]
    details: dict[str, Any] = error["details"]
    return details
