"""`subscriptions/listen` of the stream process: who listens is told that something changed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from controlplane.access.services.agents import deactivate_agent
from controlplane.access.services.keys import revoke_key
from controlplane.base.mcp import eras
from missions.threads import services
from tests import make
from tests.kit.served import Served
from tests.kit.threads import Talk

pytestmark = [pytest.mark.slow, pytest.mark.servers, pytest.mark.django_db(transaction=True)]
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


@pytest.fixture
def stream(transactional_db: None, tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "stream.log", "asgi")
    served.start(CONTROLPLANE_MCP_LISTEN_BEAT_SECONDS="0.5", ALLOWED_HOSTS="127.0.0.1")
    yield served
    served.stop()


@pytest.fixture
def calm(transactional_db: None, tmp_path: Path) -> Iterator[Served]:
    """It looks at rights by itself only after minutes."""
    served = Served(tmp_path / "calm.log", "asgi")
    served.start(CONTROLPLANE_MCP_LISTEN_BEAT_SECONDS="600", ALLOWED_HOSTS="127.0.0.1")
    yield served
    served.stop()


class Stream:
    """One open answer, frame by frame."""

    def __init__(self, response: Any) -> None:
        self.response = response

    def line(self) -> str:
        text: bytes = self.response.readline()
        return text.decode().rstrip()

    def next(self) -> dict[str, Any]:
        """The next message; what keeps the stream open is left out."""
        while not (line := self.line()).startswith("data: "):
            assert not self.response.closed
        found: dict[str, Any] = json.loads(line.removeprefix("data: "))
        return found

    def end(self) -> dict[str, Any]:
        """What the request is answered with. A process that begins to listen tells everybody
        once, which may come before it."""
        while "id" not in (found := self.next()):
            assert found["method"] == "notifications/resources/updated"
        return found

    def settle(self) -> None:
        """Until nothing more comes of what was before: a process that begins to listen tells
        everybody once."""
        quiet = 0
        while quiet < 2:
            line = self.line()
            quiet = 0 if line.startswith("data: ") else quiet + (line == ": still here")

    def beats(self, number: int) -> None:
        """So often it is only kept open."""
        while number:
            line = self.line()
            assert line in {"", ": still here"}, line
            number -= line != ""


@contextmanager
def listen(served: Served, key: str, number: Any, **wanted: Any) -> Iterator[Stream]:
    meta = {eras.VERSION: eras.MODERN, eras.CAPABILITIES: {}}
    params = {"_meta": meta, "notifications": wanted}
    message = {
        "jsonrpc": "2.0", "id": number, "method": "subscriptions/listen", "params": params,
    }  # fmt: skip
    headers = {
        "Authorization": f"Bearer {key}", "Content-Type": "application/json",
        "MCP-Protocol-Version": eras.MODERN, "Mcp-Method": "subscriptions/listen",
    }  # fmt: skip
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
        connection.request("POST", "/mcp", json.dumps(message), headers)
        yield Stream(connection.getresponse())


def test_listener__is_told_of_its_threads_and_inbox(stream: Served) -> None:
    talk = Talk()
    uri, other = f"thread://{talk.thread.uid}", f"thread://{uuid4()}"
    key = make.key(talk.reviewer)[1]
    uris = [uri, "inbox://me", other, "file:///etc/passwd"]
    with listen(stream, key, "one", toolsListChanged=True, resourceSubscriptions=uris) as frames:
        assert frames.response.headers["Content-Type"] == "text/event-stream"
        assert frames.response.headers["X-Accel-Buffering"] == "no"
        first = frames.next()
        assert first["method"] == "notifications/subscriptions/acknowledged"
        assert first["params"]["_meta"] == {SUBSCRIPTION: "one"}
        assert first["params"]["notifications"] == {"resourceSubscriptions": [uri, "inbox://me"]}
        frames.settle()
        talk.post("executioner", "Secret.")
        told = [frames.next(), frames.next()]
        assert {each["params"]["uri"] for each in told} == {uri, "inbox://me"}
        for each in told:
            assert each["method"] == "notifications/resources/updated"
            assert each["params"]["_meta"] == {SUBSCRIPTION: "one"}
        assert "Secret" not in str(told)


def test_listener__hears_no_more_of_a_thread_it_left(stream: Served) -> None:
    talk = Talk()
    uri = f"thread://{talk.thread.uid}"
    with listen(stream, make.key(talk.reviewer)[1], 1, resourceSubscriptions=[uri]) as frames:
        frames.next()
        frames.settle()
        services.remove_participant(talk.thread, talk.reviewer, actor=talk.by("coordinator"))
        assert frames.next()["params"]["uri"] == uri  # that it was taken out was said there
        frames.settle()
        talk.post("executioner", "Among us.")
        frames.beats(2)


def test_listener__ends_with_its_key(stream: Served) -> None:
    talk = Talk()
    row, key = make.key(talk.reviewer)
    with listen(stream, key, 5, resourceSubscriptions=["inbox://me"]) as frames:
        assert frames.next()["params"]["_meta"] == {SUBSCRIPTION: 5}
        revoke_key(row, actor=make.JOB)
        last = frames.end()
        assert (last["id"], last["error"]["code"]) == (5, 401)
        assert last["error"]["data"]["code"] == "UNAUTHORIZED"
        assert frames.response.read().strip() == b""


@pytest.mark.parametrize("wanted", [{}, {"resourceSubscriptions": ["inbox://me"]}])
def test_listener__ends_when_its_key_is_revoked_not_at_the_next_beat(
    calm: Served, wanted: dict[str, Any]
) -> None:
    talk = Talk()
    row, key = make.key(talk.reviewer)
    other = make.key(talk.executioner)[1]
    uri = f"thread://{talk.thread.uid}"
    with (
        listen(calm, key, 5, **wanted) as frames,
        listen(calm, other, 6, resourceSubscriptions=[uri]) as others,
    ):
        frames.next()
        others.next()
        began = time.monotonic()
        revoke_key(row, actor=make.JOB)
        assert frames.end()["error"]["data"]["code"] == "UNAUTHORIZED"
        assert time.monotonic() - began < 5
        talk.post("coordinator", "Still there?")
        assert others.next()["params"]["uri"] == uri  # whose key it wasn't listens on


def test_listener__ends_with_its_agent(calm: Served) -> None:
    talk = Talk()
    with listen(calm, make.key(talk.reviewer)[1], 5) as frames:
        frames.next()
        deactivate_agent(talk.reviewer, actor=make.JOB)
        assert frames.end()["error"]["data"]["code"] == "UNAUTHORIZED"


def test_stranger__listens_to_nothing(stream: Served) -> None:
    talk = Talk()
    uri = f"thread://{talk.thread.uid}"
    for agent in (talk.agent("validator"), make.agent(make.workspace(), role="coordinator")):
        with listen(stream, make.key(agent)[1], 1, resourceSubscriptions=[uri]) as frames:
            assert frames.next()["params"]["notifications"] == {}
    with listen(stream, "cp_nothing", 1, resourceSubscriptions=[uri]) as frames:
        assert frames.response.status == 401
