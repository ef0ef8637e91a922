"""Threads over MCP: a tool for every operation, with the same services, errors and strangers."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from controlplane.audit.models import AuditEvent
from controlplane.base.mcp.registry import server
from missions.threads.models import Message, Participant, RuntimeSession
from tests import make
from tests.kit import settled
from tests.kit.mcp import Mcp, Older
from tests.kit.threads import Talk

pytestmark = pytest.mark.django_db
OF_AGENTS = {
    "create_thread", "get_thread", "list_threads", "update_thread_status", "summarize_thread",
    "add_participant", "remove_participant", "post_message", "read_messages", "ack_read", "inbox",
    "heartbeat_session", "register_runtime", "deregister_runtime",
}  # fmt: skip


@settled.once
def talk() -> Talk:
    return Talk()


def by(agent: Any) -> Mcp:
    return Mcp(make.key(agent)[1])


def checked(mcp: Mcp, tool: str, **arguments: Any) -> Any:
    """What the tool answers, held to what it says it answers."""
    found = mcp.call(tool, **arguments)
    Draft202012Validator(server.tools[tool].shown["outputSchema"]).validate(found)
    return found


def test_tools__are_those_one_may_use(talk: Talk) -> None:
    worker = {tool["name"] for tool in by(talk.executioner).result("tools/list")["tools"]}
    assert worker == OF_AGENTS
    leading = {tool["name"] for tool in by(talk.coordinator).result("tools/list")["tools"]}
    assert leading == OF_AGENTS | {"trigger_participant"}
    operator = Mcp(browser=make.client(make.person(talk.workspace, "operations_command")))
    names = {tool["name"] for tool in operator.result("tools/list")["tools"]}
    assert {"trigger_participant", "post_message"} <= names
    assert not {"ack_read", "inbox", "heartbeat_session"} & names


def test_schemas__are_schemas() -> None:
    for tool in server.tools.values():
        Draft202012Validator.check_schema(tool.shown["inputSchema"])
        Draft202012Validator.check_schema(tool.shown["outputSchema"])
        assert tool.shown["inputSchema"]["type"] == tool.shown["outputSchema"]["type"] == "object"
    shown = server.tools["update_thread_status"].shown
    assert shown["inputSchema"]["required"] == ["thread_id", "status"]
    assert shown["inputSchema"]["properties"]["status"]["enum"][0] == "active"
    assert shown["annotations"]["destructiveHint"] is True
    assert server.tools["read_messages"].shown["annotations"]["readOnlyHint"] is True


def test_review__from_begin_to_end(talk: Talk) -> None:
    coordinator, worker, reviewer = map(by, talk.everybody[::-1][:1] + talk.everybody[:2])
    begun = checked(
        coordinator, "create_thread", title="Review of the change", type="workflow",
        participants=[
            {"agent_id": str(talk.executioner.uid), "role": "executioner"},
            {"agent_id": str(talk.reviewer.uid), "role": "reviewer"},
        ],
    )  # fmt: skip
    thread = begun["thread_id"]
    assert [row["role"] for row in begun["participants"]][1:] == ["executioner", "reviewer"]
    said = checked(
        reviewer, "post_message", thread_id=thread, kind="event", event_type="finding_reported",
        body="It leaks.", metadata={"finding_id": "F-1", "ack_required": True},
        to={"role": "executioner"}, idempotency_key="f1",
    )  # fmt: skip
    again = reviewer.call(
        "post_message", thread_id=begun["ref"], kind="event", event_type="finding_reported",
        body="It leaks.", metadata={"finding_id": "F-1", "ack_required": True},
        to={"role": "executioner"}, idempotency_key="f1",
    )  # fmt: skip
    assert again == said
    unread = checked(worker, "inbox")
    assert (unread["unread"], unread["ack_required"]) == (1, 1)
    page = checked(worker, "read_messages", thread_id=thread, since_seq=0, limit=10, wait=20)
    assert [m["body"] for m in page["messages"]] == ["It leaks."]
    assert checked(worker, "ack_read", thread_id=thread, last_read_seq=1)["last_read_seq"] == 1
    worker.call("post_message", thread_id=thread, kind="event", event_type="fix_pushed", body="OK")
    summary = checked(worker, "summarize_thread", thread_id=thread, max_messages=50)
    assert [item["finding"] for item in summary["open_items"]] == ["F-1"]
    reviewer.call(
        "post_message", thread_id=thread, kind="event", event_type="finding_verified", body="Gone",
        metadata={"finding_id": "F-1"},
    )  # fmt: skip
    done = checked(reviewer, "update_thread_status", thread_id=thread, status="resolved")
    assert done["status"] == "resolved"
    assert checked(worker, "get_thread", thread_id=thread)["status"] == "resolved"
    listed = checked(worker, "list_threads", status="resolved", mine=True, q="review", limit=1)
    assert ([row["ref"] for row in listed["threads"]], listed["has_more"]) == (
        [begun["ref"]],
        False,
    )
    assert AuditEvent.objects.filter(action="thread.create").latest("pk").source == "mcp"


def test_list__goes_on_before_the_last(talk: Talk) -> None:
    refs = [talk.begin(title=f"No. {number}").ref for number in range(3)]
    worker = by(talk.executioner)
    first = worker.call("list_threads", limit=2)
    assert ([row["ref"] for row in first["threads"]], first["has_more"]) == (refs[:0:-1], True)
    rest = worker.call("list_threads", limit=2, before=first["threads"][-1]["thread_id"])
    assert ([row["ref"] for row in rest["threads"]], rest["has_more"]) == (refs[:1], False)


def test_participants__come_and_go(talk: Talk) -> None:
    coordinator, thread = by(talk.coordinator), str(talk.thread.uid)
    guest = talk.agent("validator", "guest")
    row = checked(coordinator, "add_participant", thread_id=thread, agent_id=str(guest.uid))
    assert (row["role"], row["left_at"]) == ("validator", None)
    gone = checked(
        coordinator, "remove_participant", thread_id=thread, agent_id=str(guest.uid), reason="Done"
    )
    assert gone["left_at"]
    assert Participant.objects.present().filter(thread=talk.thread).count() == 3
    error = by(talk.executioner).refused(
        "add_participant", thread_id=thread, agent_id=str(guest.uid)
    )
    assert error["code"] == "FORBIDDEN"


def test_runtimes__are_registered_alive_and_gone(talk: Talk) -> None:
    worker = by(talk.executioner)
    beat = checked(worker, "heartbeat_session", session_id="s1", runtime="codex", resumable=True)
    row = RuntimeSession.objects.get(uid=beat["runtime_id"])
    assert (row.agent, row.resumable) == (talk.executioner, True)
    shown = checked(
        worker, "register_runtime", session_id="s1", runtime="codex", adapter="pull",
        management_mode="managed", resumable=True,
    )  # fmt: skip
    assert shown["management_mode"] == "managed"
    gone = checked(worker, "deregister_runtime", session_id="s1")
    assert (gone["status"], gone["resumable"]) == ("offline", False)
    assert worker.refused("deregister_runtime", session_id="none")["code"] == "NOT_FOUND"
    error = worker.refused("register_runtime", session_id="s2", runtime="x", adapter="command")
    assert error["code"] == "INSUFFICIENT_AUTHORITY"
    error = worker.refused(
        "heartbeat_session", session_id="s1", runtime="x", agent_id=str(talk.reviewer.uid)
    )
    assert error["code"] == "CLAIM_MISMATCH"


def test_wake__is_asked_for_once(talk: Talk) -> None:
    talk.post("coordinator", "Look at this.")
    coordinator = by(talk.coordinator)
    asked = {
        "thread_id": str(talk.thread.uid), "target_agent_id": str(talk.reviewer.uid),
        "reason": "It waits.", "request_key": "w1",
    }  # fmt: skip
    wake = checked(coordinator, "trigger_participant", **asked)
    assert coordinator.call("trigger_participant", **asked)["trigger_id"] == wake["trigger_id"]
    error = coordinator.refused("trigger_participant", **{**asked, "reason": "Another."})
    assert error["code"] == "IDEMPOTENCY_CONFLICT"
    error = by(talk.executioner).refused("trigger_participant", **asked)
    assert error["code"] == "FORBIDDEN"


def test_change__needs_a_person(talk: Talk) -> None:
    person = make.person(talk.workspace, "operations_command")
    browser = Mcp(browser=make.client(person))
    done = checked(browser, "change_thread", thread_id=str(talk.thread.uid), title="Second round")
    assert done["title"] == "Second round"
    error = by(talk.coordinator).refused(
        "change_thread", thread_id=str(talk.thread.uid), title="Third"
    )
    assert error["code"] == "FORBIDDEN"


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("post_message", {"body": "x"}, "INVALID_ARGUMENT"),
    ("post_message", {"thread_id": 5, "body": "x"}, "INVALID_ARGUMENT"),
    ("post_message", {"thread_id": "THIS", "body": ""}, "INVALID_ARGUMENT"),
    ("post_message", {"thread_id": "THIS", "body": "x", "schema_version": 9},
     "UNSUPPORTED_SCHEMA_VERSION"),
    ("post_message", {"thread_id": "THIS", "body": "x", "kind": "system"}, "FORBIDDEN"),
    ("post_message", {"thread_id": "THIS", "body": "x" * 70_000}, "TOO_LARGE"),
    ("post_message", {"thread_id": "THIS", "body": "x", "sender_agent_id": str(uuid4())},
     "CLAIM_MISMATCH"),
    ("read_messages", {"thread_id": "THIS", "since_seq": -1}, "INVALID_ARGUMENT"),
    ("read_messages", {"thread_id": "THIS", "since_seq": "1"}, "INVALID_ARGUMENT"),
    ("read_messages", {"thread_id": "THIS", "limit": 100_000}, "INVALID_ARGUMENT"),
    ("read_messages", {"thread_id": "THIS", "limit": True}, "INVALID_ARGUMENT"),
    ("read_messages", {"thread_id": "THIS", "mine": "yes"}, "INVALID_ARGUMENT"),
    ("read_messages", {"thread_id": "THR-99999"}, "NOT_FOUND"),
    ("read_messages", {"thread_id": "../x"}, "NOT_FOUND"),
    ("ack_read", {"thread_id": "THIS"}, "INVALID_ARGUMENT"),
    ("ack_read", {"thread_id": "THIS", "last_read_seq": 99}, "INVALID_ARGUMENT"),
    ("ack_read", {"thread_id": "THIS", "last_read_seq": 2**80}, "INVALID_ARGUMENT"),
    ("get_thread", {}, "INVALID_ARGUMENT"),
    ("get_thread", {"thread_id": "x" * 50}, "INVALID_ARGUMENT"),
    ("get_thread", {"thread_id": str(uuid4())}, "NOT_FOUND"),
    ("list_threads", {"status": "lost"}, "INVALID_ARGUMENT"),
    ("list_threads", {"limit": 0}, "INVALID_ARGUMENT"),
    ("list_threads", {"before": "THR-99999"}, "NOT_FOUND"),
    ("create_thread", {"title": ""}, "INVALID_ARGUMENT"),
    ("create_thread", {"title": "x", "participants": "all"}, "INVALID_ARGUMENT"),
    ("create_thread", {"title": "x", "participants": [{"agent_id": str(uuid4())}]},
     "INVALID_ARGUMENT"),
    ("create_thread", {"title": "x", "item": "none-1"}, "INVALID_ARGUMENT"),
    ("update_thread_status", {"thread_id": "THIS", "status": "gone"}, "INVALID_ARGUMENT"),
    ("update_thread_status", {"thread_id": "THIS", "status": "blocked"}, "INVALID_ARGUMENT"),
    ("update_thread_status", {"thread_id": "THIS", "status": "closed", "reason": "x"},
     "INSUFFICIENT_AUTHORITY"),
    ("update_thread_status", {"thread_id": "THIS", "status": "resolved", "version": 99},
     "CONFLICT"),
    ("summarize_thread", {"thread_id": "THIS", "max_messages": 10**9}, "INVALID_ARGUMENT"),
    ("heartbeat_session", {"session_id": "s"}, "INVALID_ARGUMENT"),
]  # fmt: skip


def test_bad_arguments__are_refused_by_code(talk: Talk) -> None:
    worker = by(talk.executioner)
    talk.post("executioner")
    for tool, arguments, code in BAD:
        given = {
            name: str(talk.thread.uid) if value == "THIS" else value
            for name, value in arguments.items()
        }
        result = worker.result("tools/call", {"name": tool, "arguments": given})
        assert result["isError"], (tool, arguments)
        error = result["structuredContent"]["error"]
        assert error["code"] == code, (tool, arguments, error)
        Draft202012Validator(server.tools[tool].shown["outputSchema"]).validate(
            result["structuredContent"]
        )


def test_stranger__finds_nothing(talk: Talk) -> None:
    talk.post("executioner", "Secret.")
    aside, outside = talk.agent("validator"), make.agent(make.workspace(), role="coordinator")
    thread = str(talk.thread.uid)
    for agent, codes in (
        (aside, {"FORBIDDEN", "NOT_FOUND"}),
        (outside, {"WORKSPACE_MISMATCH", "NOT_FOUND"}),
    ):
        mcp = by(agent)
        for tool, rest in (
            ("get_thread", {}), ("read_messages", {}), ("post_message", {"body": "x"}),
            ("ack_read", {"last_read_seq": 1}), ("summarize_thread", {}),
            ("update_thread_status", {"status": "resolved"}),
        ):  # fmt: skip
            error = mcp.refused(tool, thread_id=thread, **rest)
            assert error["code"] in codes, (tool, error)
            assert "Secret" not in str(error)
        assert mcp.call("list_threads")["threads"] == []
        assert mcp.call("inbox")["threads"] == []
        uris = [row["uri"] for row in mcp.result("resources/list")["resources"]]
        assert uris == ["inbox://me"]
        error = mcp.error("resources/read", {"uri": f"thread://{thread}"})
        assert (error["status"], error["code"]) == (400, -32602)
    assert Message.objects.count() == 1


def test_resources__are_the_inbox_and_ones_threads(talk: Talk) -> None:
    talk.post("executioner", "One.")
    talk.post("executioner", "Two.")
    reviewer = by(talk.reviewer)
    uri = f"thread://{talk.thread.uid}"
    rows = reviewer.result("resources/list")["resources"]
    assert [row["uri"] for row in rows] == ["inbox://me", uri]
    [template] = reviewer.result("resources/templates/list")["resourceTemplates"]
    assert template["uriTemplate"] == "thread://{thread_id}"
    [held] = reviewer.result("resources/read", {"uri": "inbox://me"})["contents"]
    assert json.loads(held["text"])["unread"] == 2
    reviewer.call("ack_read", thread_id=str(talk.thread.uid), last_read_seq=1)
    [held] = reviewer.result("resources/read", {"uri": uri})["contents"]
    assert (held["uri"], held["mimeType"]) == (uri, "application/json")
    told = json.loads(held["text"])
    assert [m["body"] for m in told["unread"]["messages"]] == ["Two."]
    assert told["thread"]["ref"] == talk.thread.ref
    person = Mcp(browser=make.client(make.person(talk.workspace, "operations_command")))
    assert [row["uri"] for row in person.result("resources/list")["resources"]] == [uri]
    [held] = person.result("resources/read", {"uri": uri})["contents"]
    assert len(json.loads(held["text"])["unread"]["messages"]) == 2
    assert person.error("resources/read", {"uri": "inbox://me"})["data"]["code"] == "FORBIDDEN"
    older = Older(make.key(talk.reviewer)[1])
    assert older.result("resources/read", {"uri": uri})["contents"]
