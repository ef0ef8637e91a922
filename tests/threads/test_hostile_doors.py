"""Whatever is sent to the doors of threads, over REST and MCP: the defined code, never a 5xx."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from controlplane.base.mcp import eras
from tests.kit import settled
from tests.kit.mcp import Mcp
from tests.kit.threads_api import THREADS, Callers

pytestmark = pytest.mark.django_db
SESSIONS = "/api/v1/sessions"
BODIES: dict[str, bytes] = {
    "half": b'{"body": ',
    "no utf-8": b'{"body": "\xff\xfe"}',
    "nul": b'{"body": "a\\u0000b"}',
    "surrogate": b'{"body": "\\ud800"}',
    "deep": b'{"metadata":' * 5_000 + b"1" + b"}" * 5_000,
    "deep list": b"[" * 100_000,
    "twice": b'{"body": "a", "body": "b"}',
    "nan": b'{"body": NaN}',
    "huge number": b'{"last_read_seq": ' + b"9" * 400 + b"}",
    "list": b'[{"body": "x"}]',
    "text": b'"x"',
    "null": b"null",
}
WRITES = ("", "/messages", "/ack", "/status", "/participants", "/triggers")


@settled.once
def world() -> Callers:
    return Callers()


def code(answer: Any) -> str:
    assert answer.status_code < 500, answer.content
    return str(answer.json()["error"]["code"])


def test_bodies__that_are_none(world: Callers) -> None:
    paths = [THREADS, SESSIONS, f"{SESSIONS}/heartbeat", *(world.path + end for end in WRITES[1:])]
    for path in paths:
        for name, body in BODIES.items():
            found = code(world.coordinator.raw("POST", path, body))
            assert found == "INVALID_ARGUMENT", (path, name, found)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
                     "application/json; charset=latin-1"):  # fmt: skip
            found = code(world.coordinator.raw("POST", path, b'{"body": "x"}', kind))
            assert found == "UNSUPPORTED_MEDIA_TYPE", (path, kind, found)
        big = b'{"body": "' + b"x" * 10_000_000 + b'"}'
        assert code(world.coordinator.raw("POST", path, big)) == "TOO_LARGE", path
        for method in ("PUT", "DELETE"):
            answer = world.coordinator.raw(method, path, b"{}")
            assert code(answer) == "METHOD_NOT_ALLOWED", (method, path)
    assert world.read(query="?since_seq=0").json()["messages"] == []


def test_messages__too_large_or_of_nonsense(world: Callers) -> None:
    post = world.post
    assert code(post(body="x" * 70_000)) == "TOO_LARGE"
    assert code(post(metadata={"x": "y" * 20_000})) == "TOO_LARGE"
    wrong: list[dict[str, Any]] = [
        {"body": ""}, {"body": 5}, {"body": None}, {"body": ["x"]}, {"kind": "shout"},
        {"kind": 5}, {"metadata": []}, {"metadata": "x"}, {"in_reply_to": "x"},
        {"in_reply_to": -1}, {"in_reply_to": 2**70}, {"to": "everybody"}, {"to": {"role": 5}},
        {"to": {"agents": ["x"]}}, {"to": {"agents": [str(uuid4())]}}, {"to": []},
        {"idempotency_key": "x" * 300}, {"idempotency_key": 5}, {"event_type": 5, "kind": "event"},
    ]  # fmt: skip
    for given in wrong:
        answer = world.executioner.post(f"{world.path}/messages", {"body": "Hello.", **given})
        assert code(answer) == "INVALID_ARGUMENT", given
    for version in (0, 2, 99, -1):
        assert code(post(schema_version=version)) == "UNSUPPORTED_SCHEMA_VERSION", version
    assert world.read().json()["last_seq"] == 0


def test_identity__forged(world: Callers) -> None:
    other = str(world.talk.reviewer.uid)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"sender_agent_id": other}, "CLAIM_MISMATCH"), ({"agent_id": other}, "CLAIM_MISMATCH"),
        ({"role": "coordinator"}, "CLAIM_MISMATCH"),
        ({"workspace_id": str(uuid4())}, "WORKSPACE_MISMATCH"),
    ]  # fmt: skip
    for given, expected in cases:
        assert code(world.post(**given)) == expected, given
        client = Mcp(world.executioner.headers["Authorization"].removeprefix("Bearer "))
        thread = str(world.thread.uid)
        error = client.refused("post_message", thread_id=thread, body="x", **given)
        assert error["code"] == expected, given
    error = client.refused("ack_read", thread_id=thread, last_read_seq=0, agent_id=other)
    assert error["code"] == "CLAIM_MISMATCH"


def test_others__of_the_workspace_and_of_another(world: Callers) -> None:
    for caller, read, written in (
        (world.stranger(), "NOT_FOUND", "FORBIDDEN"),
        (world.outsider(), "NOT_FOUND", "WORKSPACE_MISMATCH"),
    ):
        assert code(caller.get(world.path)) == read
        at = f"{world.path}/messages"
        assert code(caller.post(at, {"body": "x"})) == written
        # Whoever reads learns of other workspaces nothing, not even that it is there.
        looked = "FORBIDDEN" if written == "FORBIDDEN" else "NOT_FOUND"
        assert code(caller.get(at)) == looked
        assert code(caller.post(f"{world.path}/ack", {"last_read_seq": 0})) == looked
        secret = caller.headers["Authorization"].removeprefix("Bearer ")
        client, thread = Mcp(secret), str(world.thread.uid)
        assert client.refused("get_thread", thread_id=thread)["code"] == read
        for tool, given, expected in (
            ("read_messages", {}, looked), ("post_message", {"body": "x"}, written),
            ("ack_read", {"last_read_seq": 0}, looked),
        ):  # fmt: skip
            assert client.refused(tool, thread_id=thread, **given)["code"] == expected, tool


def test_cursor_closed_thread_and_replays(world: Callers) -> None:
    key: Any = {"idempotency_key": "k"}
    first = world.post(body="One.", **key).json()
    assert world.post(body="One.", **key).json() == first
    assert code(world.post(body="Two.", **key)) == "IDEMPOTENCY_CONFLICT"
    world.post(body="Two.")
    ack = f"{world.path}/ack"
    assert world.reviewer.post(ack, {"last_read_seq": 2}).status_code == 200
    back = world.reviewer.post(ack, {"last_read_seq": 1})
    assert back.status_code == 409 or back.json()["last_read_seq"] == 2, back.content
    for seq, expected in ((3, None), (-1, "INVALID_ARGUMENT"), ("x", "INVALID_ARGUMENT"),
                          (2**70, None), (True, "INVALID_ARGUMENT"), (1.5, "INVALID_ARGUMENT"),
                          (None, "INVALID_ARGUMENT")):  # fmt: skip
        found = code(world.reviewer.post(ack, {"last_read_seq": seq}))
        assert found == (expected or found), seq
        assert found in {"INVALID_ARGUMENT", "CONFLICT"}, (seq, found)
    for query in ("since_seq=-1", "since_seq=x", "since_seq=1&since_seq=2", "limit=x", "wait=x",
                  "wait=-1", "wait=inf", "wait=nan", "mine=yes", "nothing=1",
                  "since_seq=" + "9" * 30, "since_seq=%00"):  # fmt: skip
        assert code(world.read(query=f"?{query}")) == "INVALID_ARGUMENT", query
    closing = {"status": "closed", "reason": "human_override: over"}
    world.coordinator.post(f"{world.path}/status", closing)
    assert code(world.post(body="Late.")) == "CONFLICT"


def test_threads__that_have_no_such_name(world: Callers) -> None:
    names = (str(uuid4()), "THR-999999", "x", "..", "%2e%2e", "x" * 3_000, "THR-1'--", "%ff", "é")
    for name in names:
        for end in ("", "/messages", "/summary", "/participants", "/triggers"):
            answer = world.executioner.get(f"{THREADS}/{name}{end}")
            assert code(answer) in {"NOT_FOUND", "WORKSPACE_MISMATCH"}, (name, end)
    assert code(world.executioner.get(f"{THREADS}/a%00b")) == "INVALID_ARGUMENT"


# --- MCP -----------------------------------------------------------------------------------------

ARGUMENTS: list[dict[str, Any]] = [
    {}, {"thread_id": None}, {"thread_id": 5}, {"thread_id": []}, {"thread_id": "x" * 5_000},
    {"thread_id": {"$ne": 1}}, {"thread_id": "THR-1; DROP TABLE"},
]  # fmt: skip


def test_tools__arguments_of_nonsense(world: Callers) -> None:
    secret = world.coordinator.headers["Authorization"].removeprefix("Bearer ")
    client = Mcp(secret)
    tools = [tool["name"] for tool in client.result("tools/list")["tools"]]
    assert len(tools) > 12
    for name in tools:
        for given in ARGUMENTS:
            result = client.result("tools/call", {"name": name, "arguments": given})
            if result["isError"]:
                error = result["structuredContent"]["error"]
                assert error["code"] in {"INVALID_ARGUMENT", "NOT_FOUND", "FORBIDDEN"}, (
                    name,
                    given,
                )
    thread = str(world.thread.uid)
    for given in ({"since_seq": "x"}, {"since_seq": -1}, {"since_seq": 2**70}, {"limit": 0},
                  {"limit": 10**9}, {"limit": "x"}, {"mine": 1}, {"wait": "x"}):  # fmt: skip
        error = client.refused("read_messages", thread_id=thread, **given)
        assert error["code"] == "INVALID_ARGUMENT", given


def test_messages_of_the_protocol__that_are_none(world: Callers) -> None:
    secret = world.executioner.headers["Authorization"].removeprefix("Bearer ")
    client = Mcp(secret)
    headers = {"MCP-Protocol-Version": eras.MODERN, "Mcp-Method": "tools/call"}
    for name, body in BODIES.items():
        answer = client.raw("POST", "/mcp", body, **headers)
        assert answer.status_code == 400, name
        assert answer.json()["error"]["code"] in {-32700, -32600}, name
    batch = json.dumps([{"jsonrpc": "2.0", "id": 1, "method": "ping"}] * 2).encode()
    assert client.raw("POST", "/mcp", batch).json()["error"]["code"] == -32600
    assert client.raw("POST", "/mcp", b"x" * 10_000_000).status_code == 413
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert client.raw("POST", "/mcp", b"{}", kind).status_code == 415
    for version in ("1900-01-01", "x", "é", "2026-07-28, 2025-11-25"):
        answer = client.ask("tools/list", MCP_Protocol_Version=version)
        assert answer.status_code == 400, version
        assert answer.json()["error"]["code"] in {-32020, -32022}, version
    for method in ("threads/drop", "x" * 5_000, "__init__", "tools/call/x"):
        assert client.error(method)["code"] == -32601, method[:20]
