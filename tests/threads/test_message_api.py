"""Messages over the API: every refusal by its code, and nothing that is sent makes it fail."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from controlplane.audit.models import AuditEvent
from missions.threads import numbers
from missions.threads.models import Message
from tests.kit import settled
from tests.kit.api import Api, refused
from tests.kit.threads_api import THREADS, Callers

pytestmark = pytest.mark.django_db


@settled.once
def world() -> Callers:
    return Callers()


def test_two_agents_talk(world: Callers) -> None:
    said = world.post(body="Please review.", to={"role": "reviewer"})
    assert (said.status_code, said.json()["seq"]) == (201, 1)
    page = world.read().json()
    assert [row["body"] for row in page["messages"]] == ["Please review."]
    assert (page["next_seq"], page["has_more"], page["last_read_seq"]) == (1, False, 0)
    done = world.reviewer.post(f"{world.path}/ack", {"last_read_seq": 1})
    assert done.json()["last_read_seq"] == 1
    world.post(world.reviewer, "It leaks.", kind="event", event_type="finding_reported",
               in_reply_to=1)  # fmt: skip
    (row,) = world.read(world.executioner, "?since_seq=1").json()["messages"]
    assert (row["seq"], row["event_type"], row["in_reply_to"]) == (2, "finding_reported", 1)
    assert row["sender"]["agent_id"] == str(world.talk.reviewer.uid)


def test_read__is_paged_and_filtered(world: Callers) -> None:
    for number in range(3):
        world.post(body=f"{number}")
    world.post(body="aside", to={"role": "coordinator"})
    page = world.read(query="?limit=2").json()
    assert ([row["seq"] for row in page["messages"]], page["has_more"]) == ([1, 2], True)
    page = world.read(query=f"?since_seq={page['next_seq']}&mine=true").json()
    assert ([row["seq"] for row in page["messages"]], page["next_seq"]) == ([3], 4)
    by_ref = world.reviewer.get(f"{THREADS}/{world.thread.ref}/messages")
    assert len(by_ref.json()["messages"]) == 4
    # The web process never waits: it would keep everybody else waiting.
    assert world.read(query="?since_seq=4&wait=30").json()["messages"] == []


@pytest.mark.parametrize(
    "query",
    ["since_seq=-1", "since_seq=x", "since_seq=%20", "limit=0", "limit=201", "limit=1e3",
     "mine=1", "wait=-1", "wait=nan", "wait=inf", "wait=soon", "after=1", "since_seq=1&since_seq=2",
     f"since_seq={'9' * 40}"],
)  # fmt: skip
def test_read__a_query_that_means_nothing_is_refused(world: Callers, query: str) -> None:
    refused(world.read(query=f"?{query}"), "INVALID_ARGUMENT")


def test_key__the_first_answer_again(world: Callers) -> None:
    first = world.post(idempotency_key="k1")
    again = world.post(idempotency_key="k1")
    assert again.json() == first.json()
    assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")
    refused(world.post(body="Other.", idempotency_key="k1"), "IDEMPOTENCY_CONFLICT")
    # The header of every other route means the same, where the message has no key of its own.
    url = f"{world.path}/messages"
    by_header = world.executioner.post(url, {"body": "Hello."}, Idempotency_Key="k1")
    assert by_header.json() == first.json()
    both = world.executioner.post(
        url, {"body": "Hello.", "idempotency_key": "k1"}, Idempotency_Key="another"
    )
    assert both.json() == first.json()
    refused(world.executioner.post(url, {"body": "x"}, Idempotency_Key="k" * 201),
            "INVALID_ARGUMENT")  # fmt: skip
    assert Message.objects.count() == 1


def test_sender__is_who_the_credentials_prove(world: Callers) -> None:
    talk = world.talk
    own: Any = {"sender_agent_id": str(talk.executioner.uid), "role": "executioner",
           "workspace_id": str(talk.workspace.uid)}  # fmt: skip
    assert world.post(**own).status_code == 201
    for field in ("sender_agent_id", "agent_id"):
        stated: Any = {field: str(talk.reviewer.uid)}
        refused(world.post(**stated), "CLAIM_MISMATCH")
    refused(world.post(role="coordinator"), "CLAIM_MISMATCH")
    refused(world.post(sender_session_id="not registered"), "CLAIM_MISMATCH")
    refused(world.post(workspace_id=str(uuid4())), "WORKSPACE_MISMATCH")
    person = world.person("operations_command")
    refused(world.post(person, sender_agent_id=str(talk.reviewer.uid)), "CLAIM_MISMATCH")
    denied = AuditEvent.objects.filter(action="access.identify", outcome="denied")
    assert denied.filter(workspace_id=talk.workspace.pk).count() >= 4
    assert Message.objects.count() == 1


def test_session__of_a_key_is_one_that_was_registered(world: Callers) -> None:
    world.executioner.post("/api/v1/sessions/heartbeat", {"session_id": "ex-1", "runtime": "codex"})
    world.post(sender_session_id="ex-1")
    (row,) = world.read().json()["messages"]
    assert row["sender"]["session_id"] == "ex-1"


def test_session__of_a_token_is_the_proven_one(world: Callers) -> None:
    asked = world.executioner.post("/api/v1/token", {"session_id": "proven"})
    assert asked.status_code in {200, 201}, asked.content
    by_token = Api(asked.json()["access_token"])
    assert world.post(by_token).status_code == 201
    refused(world.post(by_token, sender_session_id="another"), "CLAIM_MISMATCH")
    (row,) = world.read().json()["messages"]
    assert row["sender"]["session_id"] == "proven"


def test_strangers__neither_read_nor_write(world: Callers) -> None:
    world.post()
    url = f"{world.path}/messages"
    for method, path, body, outside in (
        ("GET", url, None, "NOT_FOUND"),
        ("POST", url, {"body": "x"}, "WORKSPACE_MISMATCH"),
        ("POST", f"{world.path}/ack", {"last_read_seq": 1}, "NOT_FOUND"),
    ):
        refused(Api().send(method, path, body), "UNAUTHORIZED")
        refused(world.stranger().send(method, path, body), "FORBIDDEN")
        refused(world.outsider().send(method, path, body), outside)
    refused(world.person("viewer").post(url, {"body": "x"}), "FORBIDDEN")
    refused(world.reviewer.get(f"{THREADS}/{uuid4()}/messages"), "NOT_FOUND")
    refused(world.reviewer.get(f"{THREADS}/THR-999/messages"), "NOT_FOUND")
    refused(world.person("operations_command").post(f"{world.path}/ack", {"last_read_seq": 1}),
            "FORBIDDEN")  # fmt: skip
    assert Message.objects.count() == 1


def test_people__write_too(world: Callers) -> None:
    person = world.person("operations_command")
    assert world.post(person, "Go on, please.").status_code == 201
    (row,) = world.read().json()["messages"]
    assert row["sender"]["kind"] == "person"
    refused(world.post(person, kind="system"), "FORBIDDEN")


def test_states__decide_who_writes(world: Callers) -> None:
    move = f"{world.path}/status"
    world.reviewer.post(move, {"status": "blocked", "reason": "We disagree."})
    refused(world.post(), "CONFLICT")
    assert world.post(world.coordinator).status_code == 201
    world.coordinator.post(move, {"status": "closed", "reason": "coordinator_override: settled"})
    refused(world.post(world.coordinator), "CONFLICT")


def test_pace__is_limited(world: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(numbers.AGENT_BURST.env_name, "1")
    monkeypatch.setenv(numbers.AGENT_RATE.env_name, "0.01")
    assert world.post().status_code == 201
    late = world.post()
    refused(late, "RATE_LIMITED")
    assert int(late["Retry-After"]) >= 1


def test_ack__goes_forward_only(world: Callers) -> None:
    world.post()
    world.post()
    ack = f"{world.path}/ack"
    refused(world.reviewer.post(ack, {"last_read_seq": 3}), "INVALID_ARGUMENT")
    assert world.reviewer.post(ack, {"last_read_seq": 2}).json()["ok"] is True
    refused(world.reviewer.post(ack, {"last_read_seq": 1}), "CONFLICT")
    wrong: Any
    for wrong in ({}, {"last_read_seq": "2"}, {"last_read_seq": True}, {"last_read_seq": -1},
                  {"last_read_seq": 2.5}, {"last_read_seq": None}, [], "x"):  # fmt: skip
        refused(world.reviewer.post(ack, wrong), "INVALID_ARGUMENT")
    refused(world.reviewer.post(ack, {"last_read_seq": 2, "schema_version": 9}),
            "UNSUPPORTED_SCHEMA_VERSION")  # fmt: skip


WRONG: list[dict[str, Any]] = [
    {"body": ""}, {"body": "  \n"}, {"body": None}, {"body": 5}, {"body": ["x"]}, {"body": {}},
    {"body": "a\0b"}, {"body": "\ud800"}, {"kind": "shout"}, {"kind": None}, {"kind": ["chat"]},
    {"kind": {}}, {"kind": "event"}, {"kind": "event", "event_type": 7},
    {"kind": "event", "event_type": "Not A Name"}, {"event_type": "fix_pushed"},
    {"metadata": []}, {"metadata": "x"}, {"metadata": {"a": "\0"}}, {"metadata": {"\0": 1}},
    {"metadata": {"a": "\ud800"}}, {"in_reply_to": 0}, {"in_reply_to": 9}, {"in_reply_to": "1"},
    {"in_reply_to": True}, {"in_reply_to": 2**63}, {"to": "nobody"}, {"to": []}, {"to": {}},
    {"to": {"role": "Not A Slug"}}, {"to": {"role": 5}}, {"to": {"agents": []}},
    {"to": {"agents": ["x"]}}, {"to": {"agents": [5]}}, {"to": {"agents": "x"}},
    {"to": {"role": "a", "agents": []}}, {"to": {"role": "nobody-of-that-name"}},
    {"to": {"agents": [str(uuid4())]}}, {"idempotency_key": ""}, {"idempotency_key": "a b"},
    {"idempotency_key": "k" * 201}, {"idempotency_key": 5}, {"schema_version": "1"},
    {"schema_version": True}, {"schema_version": None}, {"schema_version": 1.0},
    {"sender_session_id": 5}, {"sender_session_id": "x" * 200}, {"sender_session_id": ["x"]},
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_hostile__a_wrong_value_is_refused_by_name(world: Callers, number: int) -> None:
    answer = world.post(**{"body": "Hello.", **WRONG[number]})
    assert answer.status_code in {400, 403}, (WRONG[number], answer.content)
    assert json.loads(answer.content)["error"]["code"] in {"INVALID_ARGUMENT", "CLAIM_MISMATCH"}
    assert not Message.objects.exists()


def test_hostile__what_is_too_long_is_too_large(world: Callers) -> None:
    refused(world.post(body="x" * 65_537), "TOO_LARGE")
    refused(world.post(metadata={"a": "x" * 16_400}), "TOO_LARGE")
    raw = world.executioner.raw("POST", f"{world.path}/messages", b"x" * 1_100_000)
    refused(raw, "TOO_LARGE")


MALFORMED = [
    b"", b"{", b"[]", b"null", b'"x"', b"5", b"{} {}", b'{"body": "\xff"}', b"\x00",
    b'{"body": NaN}', b'{"body": "x", "body": "y"}', b"[" * 50_000,
    b'{"body":"x","metadata":' + b'{"a":' * 3_000 + b"1" + b"}" * 3_000 + b"}",
]  # fmt: skip


def test_hostile__what_is_no_message_is_refused(world: Callers) -> None:
    for path in ("messages", "ack", "status", "participants", "triggers"):
        for body in MALFORMED:
            answer = world.coordinator.raw("POST", f"{world.path}/{path}", body)
            refused(answer, "INVALID_ARGUMENT")


def test_hostile__other_types_of_content(world: Callers) -> None:
    url = f"{world.path}/messages"
    for kind in (
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-7",
    ):
        answer = world.executioner.raw("POST", url, b'{"body": "x"}', type=kind)
        assert answer.status_code in {400, 415}, answer.content
    refused(world.executioner.send("DELETE", url), "METHOD_NOT_ALLOWED")
    refused(world.executioner.send("PUT", url, {}), "METHOD_NOT_ALLOWED")


def test_body__is_data(world: Callers) -> None:
    """Control characters, markup and writing from right to left are kept as they were sent."""
    body = "a\x01\x1b[31m\u202e<script>alert(1)</script> {{ x }} %s \U0001f600\r\n\t"
    world.post(body=body, metadata={"deep": [{"x": [1, 2.5, None, True, "ü"]}]})
    (row,) = world.read().json()["messages"]
    assert row["body"] == body
    assert row["metadata"] == {"deep": [{"x": [1, 2.5, None, True, "ü"]}]}


def test_sessions__an_agent_keeps_its_own(world: Callers) -> None:
    url = "/api/v1/sessions"
    beat = {"session_id": "ex-1", "runtime": "codex", "resumable": True, "of_tomorrow": 1}
    done = world.executioner.post(f"{url}/heartbeat", beat)
    assert (done.status_code, done.json()["ok"]) == (200, True)
    (row,) = world.executioner.get(url).json()["items"]
    assert (row["session_id"], row["resumable"], row["adapter"]) == ("ex-1", True, "pull")
    assert world.reviewer.get(url).json()["items"] == []
    one = f"{url}/{row['runtime_id']}"
    refused(world.reviewer.send("DELETE", one), "NOT_FOUND")
    refused(world.outsider().get(one), "NOT_FOUND")
    assert world.executioner.send("DELETE", one).json()["status"] == "offline"
    refused(world.executioner.post(f"{url}/heartbeat", {"runtime": "x"}), "INVALID_ARGUMENT")
    mine = {"session_id": "ex-2", "runtime": "codex"}
    assert world.executioner.post(url, mine).status_code == 201
    theirs = {**mine, "agent_id": str(world.talk.reviewer.uid)}
    refused(world.executioner.post(url, theirs), "CLAIM_MISMATCH")
    refused(world.executioner.post(url, {**mine, "adapter": "command"}), "INSUFFICIENT_AUTHORITY")
    refused(world.executioner.post(url, {**mine, "workspace_id": str(uuid4())}),
            "WORKSPACE_MISMATCH")  # fmt: skip
    person = world.person("operations_command")
    assert person.post(url, theirs).json()["agent_id"] == str(world.talk.reviewer.uid)
    refused(person.post(url, mine), "INVALID_ARGUMENT")
    refused(world.person("viewer").post(url, theirs), "FORBIDDEN")
    refused(person.post(f"{url}/heartbeat", {"session_id": "x", "runtime": "x"}), "FORBIDDEN")
    hook = {**mine, "adapter": "webhook", "target": "https://a.example.org/x", "secret": "s" * 20}
    done = world.executioner.post(url, hook, Idempotency_Key="once")
    assert done.status_code == 201
    assert "s" * 20 not in done.content.decode()
    assert "s" * 20 not in str(list(AuditEvent.objects.values_list("after", flat=True)))
