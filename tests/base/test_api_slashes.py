"""A route for programs is the same with a slash at its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import get_resolver

from tests import make
from tests.kit.api import Api, refused
from tests.kit.mcp import Mcp
from tests.kit.threads_api import THREADS, Callers

pytestmark = pytest.mark.django_db


def routes(resolver: Any, before: str = "") -> Iterator[str]:
    for each in resolver.url_patterns:
        whole = before + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from routes(each, whole)
        else:
            yield whole


def test_no_route__has_a_slash_of_its_own() -> None:
    """Else it would never be reached."""
    starts = ("api/v1/", "stream/", "mcp")
    found = [route for route in routes(get_resolver()) if route.startswith(starts)]
    assert len(found) > 300
    assert [route for route in found if route.endswith("/")] == []


def test_a_slash_at_the_end__changes_nothing() -> None:
    world = Callers()
    api = world.executioner
    made = api.post(f"{THREADS}/", {"title": "Retry change"})
    assert made.status_code == 201, made.content
    thread = made.json()["thread_id"]
    assert made["Location"] == f"{THREADS}/{thread}"
    at = f"{THREADS}/{thread}"
    said = api.post(f"{at}/messages/", {"body": "Kept on its way."})
    assert (said.status_code, said.json()["seq"]) == (201, 1)
    page = api.get(f"{at}/messages/?since_seq=0").json()
    assert [each["body"] for each in page["messages"]] == ["Kept on its way."]
    assert api.post(f"{at}/ack/", {"last_read_seq": 1}).json()["last_read_seq"] == 1
    assert api.get(f"{THREADS}/inbox/").json() == api.get(f"{THREADS}/inbox").json()
    assert api.post(f"{at}/status/", {"status": "resolved"}).json()["status"] == "resolved"
    for path in (f"{at}/", f"{at}/summary/", f"{at}/participants/", f"{at}/triggers/"):
        assert api.get(path).content == api.get(path[:-1]).content, path
    for path in ("/api/v1/me/", "/api/v1/work/items/", "/api/v1/missions/"):
        assert api.get(path).status_code == api.get(path[:-1]).status_code == 200, path
    beat = {"session_id": "one", "runtime": "codex"}
    assert api.post("/api/v1/sessions/heartbeat/", beat).status_code == 200


def test_strangers_and_nonsense__are_refused_as_without() -> None:
    world = Callers()
    at = f"{THREADS}/{world.thread.uid}/"
    refused(Api().get(at), "UNAUTHORIZED")
    refused(Api().post(f"{THREADS}/", {"title": "x"}), "UNAUTHORIZED")
    outsider = Api(make.key(make.agent(make.workspace(), role="coordinator"))[1])
    refused(outsider.get(at), "NOT_FOUND")
    refused(outsider.post(f"{at}messages/", {"body": "x"}), "WORKSPACE_MISMATCH")
    refused(world.executioner.get(f"{at}/"), "NOT_FOUND")  # one slash, not any number
    refused(world.executioner.get("/api/v1/nothing/"), "NOT_FOUND")


def test_mcp__answers_there_too() -> None:
    client = Mcp(make.key(make.agent(make.workspace(), role="reviewer"))[1])
    client.path = "/mcp/"
    assert client.result("tools/list")["tools"]
    response = Mcp().raw("POST", "/mcp/", b"{}")
    assert 'oauth-protected-resource/mcp"' in response["WWW-Authenticate"]
