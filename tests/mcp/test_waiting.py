"""`read_messages` with `wait`: held back until something is said, as the route does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from controlplane.access.services.keys import revoke_key
from controlplane.base.mcp import eras
from missions.threads import services
from tests import make
from tests.kit.mcp import Mcp
from tests.kit.served import Served
from tests.kit.threads import Talk

pytestmark = [pytest.mark.slow, pytest.mark.servers, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def stream(transactional_db: None, tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "stream.log", "asgi")
    served.start(CONTROLPLANE_THREADS_MAX_WAITING_EACH="1", ALLOWED_HOSTS="127.0.0.1")
    yield served
    served.stop()


@pytest.fixture
def talk() -> Talk:
    found = Talk()
    assert found.thread.last_seq == 0
    return found


@contextmanager
def asked(
    served: Served, key: str, talk: Talk, *, modern: bool = True, **arguments: Any
) -> Iterator[HTTPResponse]:
    """The head of the answer has come when this begins."""
    given = {"thread_id": str(talk.thread.uid), **arguments}
    params: dict[str, Any] = {"name": "read_messages", "arguments": given}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    if modern:
        params["_meta"] = {eras.VERSION: eras.MODERN, eras.CAPABILITIES: {}}
        headers |= {
            "MCP-Protocol-Version": eras.MODERN, "Mcp-Method": "tools/call",
            "Mcp-Name": "read_messages",
        }  # fmt: skip
    message = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params}
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
        connection.request("POST", "/mcp", json.dumps(message), headers)
        yield connection.getresponse()


def result(answer: HTTPResponse) -> Any:
    body = json.loads(answer.read())
    assert (answer.status, body["id"]) == (200, 3), body
    return body["result"]


@pytest.mark.parametrize("modern", [True, False])
def test_wait__is_answered_when_something_is_said(stream: Served, talk: Talk, modern: bool) -> None:
    key = make.key(talk.reviewer)[1]
    with asked(stream, key, talk, modern=modern, wait=20) as answer:
        assert answer.headers["Content-Type"] == "application/json"
        began = time.monotonic()
        talk.post("executioner", "Are you there?")
        found = result(answer)
        assert time.monotonic() - began < 5
    assert [each["body"] for each in found["structuredContent"]["messages"]] == ["Are you there?"]
    assert json.loads(found["content"][0]["text"]) == found["structuredContent"]
    assert (found["isError"], found.get("resultType")) == (False, "complete" if modern else None)


def test_wait__ends_with_nothing_and_is_not_held_where_there_is_something(
    stream: Served, talk: Talk
) -> None:
    key = make.key(talk.reviewer)[1]
    with asked(stream, key, talk, wait=0.3) as answer:
        assert result(answer)["structuredContent"]["messages"] == []
    talk.post("executioner", "Hello.")
    with asked(stream, key, talk, wait=20) as answer:
        assert len(result(answer)["structuredContent"]["messages"]) == 1


def test_wait__is_given_up_when_the_client_hangs_up(stream: Served, talk: Talk) -> None:
    """Only one of an agent may wait here: the next is let in once the first is gone."""
    key = make.key(talk.reviewer)[1]
    with asked(stream, key, talk, wait=30), asked(stream, key, talk, wait=30) as second:
        body = json.loads(second.read())
        assert (second.status, body["error"]["data"]["code"]) == (503, "UNAVAILABLE")
    end = time.monotonic() + 10
    while True:
        with asked(stream, key, talk, wait=0.1) as third:
            third.read()
            if third.status == 200:
                break
        assert time.monotonic() < end, "who hung up still waits"


def test_revoked__the_wait_ends_at_once_with_why(stream: Served, talk: Talk) -> None:
    row, key = make.key(talk.reviewer)
    with asked(stream, key, talk, wait=30) as answer:
        began = time.monotonic()
        revoke_key(row, actor=make.JOB)
        found = result(answer)
        assert time.monotonic() - began < 4
    assert found["isError"]
    assert found["structuredContent"]["error"]["code"] == "UNAUTHORIZED"


def test_left__the_wait_ends_with_why(stream: Served, talk: Talk) -> None:
    key = make.key(talk.reviewer)[1]
    with asked(stream, key, talk, wait=30, since_seq=5) as answer:
        services.remove_participant(talk.thread, talk.reviewer, actor=talk.by("coordinator"))
        found = result(answer)
    assert found["structuredContent"]["error"]["code"] == "FORBIDDEN"


def test_stranger__is_refused_before_anything_waits(stream: Served, talk: Talk) -> None:
    stranger = make.key(talk.agent("validator"))[1]
    outsider = make.key(make.agent(make.workspace(), role="reviewer"))[1]
    for key, code in ((stranger, "FORBIDDEN"), (outsider, "NOT_FOUND")):
        with asked(stream, key, talk, wait=30) as answer:
            assert result(answer)["structuredContent"]["error"]["code"] == code
    with asked(stream, "cp_nothing", talk, wait=30) as answer:
        assert answer.status == 401


def test_web_process__answers_at_once_and_names_a_bad_wait(talk: Talk) -> None:
    client = Mcp(make.key(talk.reviewer)[1])
    thread = str(talk.thread.uid)
    assert client.call("read_messages", thread_id=thread, wait=30)["messages"] == []
    nonsense: tuple[Any, ...] = (-1, "20", True, None, [], {"s": 1})
    for bad in nonsense:
        error = client.refused("read_messages", thread_id=thread, wait=bad)
        assert (error["code"], list(error["details"])) == ("INVALID_ARGUMENT", ["wait"]), bad
