"""Log lines carry what both playbooks ask for, from the request to the call it leads to."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from controlplane.base import signals
from controlplane.jobs.celery_task import PortalTask
from controlplane.lib import context, http
from controlplane.lib.logs import JsonFormatter, event
from controlplane.lib.redaction import pseudonym
from controlplane.notify import outbox
from controlplane.notify.channels.base import Outcome
from tests import make
from tests.kit.api import Api
from tests.kit.receivers import Receiver, http_receiver

pytestmark = pytest.mark.django_db
# 000 and 001 together.
UNION = {
    "timestamp", "level", "service", "env", "correlation_id", "user_id", "mission_id", "message",
    "context", "bd_issue", "tenantId", "event", "toolkit", "request_id",
}  # fmt: skip
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.found: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(json.loads(self.format(record)))

    def of(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.found if line["event"] == name]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http_receiver() as found:
        yield found


def test_request_of_an_agent__one_line_with_who_and_where(lines: Lines) -> None:
    workspace = make.workspace()
    agent = make.agent(workspace, role="executor")
    _, secret = make.key(agent)
    answer = Api(secret).get("/api/v1/catalog/services", X_Request_ID="req_abc123")
    assert answer.status_code == 200
    [line] = lines.of("http.request")
    assert set(line) >= UNION
    assert line["tenantId"] == workspace.slug
    assert line["user_id"] == pseudonym(f"agent:{agent.pk}")
    assert (line["request_id"], line["correlation_id"]) == ("req_abc123", "req_abc123")
    assert line["context"]["status"] == 200


def test_request_of_a_person__pseudonym_and_workspace_and_no_name(lines: Lines) -> None:
    workspace = make.workspace()
    person = make.person(workspace, "viewer")
    make.client(person).get("/admin/")
    [line] = lines.of("http.request")
    assert line["user_id"] == pseudonym(f"user:{person.pk}")
    assert line["tenantId"] == workspace.slug
    assert person.email not in json.dumps(line)


def test_request_after_it__knows_nothing_of_the_one_before(lines: Lines) -> None:
    workspace = make.workspace()
    _, secret = make.key(make.agent(workspace))
    Api(secret).get("/api/v1/catalog/services")
    Client().get("/api/v1/catalog/services")
    first, second = lines.of("http.request")
    assert first["user_id"] is not None
    assert (second["user_id"], second["tenantId"]) == (None, None)
    assert first["correlation_id"] != second["correlation_id"]


def test_stranger__named_workspace_is_not_taken_for_theirs(lines: Lines) -> None:
    other = make.workspace()
    _, secret = make.key(make.agent(make.workspace()))
    Api(secret).get("/api/v1/catalog/services", X_Workspace=other.slug)
    [line] = lines.of("http.request")
    assert line["tenantId"] != other.slug


def test_note__outside_of_any_work__leaves_nothing_behind() -> None:
    before = context.current()
    context.note(user_ref="user:1")
    assert context.current() == before


@pytest.mark.parametrize(
    ("given", "top"),
    [
        ({"toolkit": "gmail", "action": "send"}, "gmail"),
        ({"toolkit_slug": "slack"}, "slack"),
        ({"toolkit": 7}, None),
        ({}, None),
    ],
)
def test_toolkit__at_the_top_and_in_the_context(
    lines: Lines, given: dict[str, Any], top: str | None
) -> None:
    event(logging.getLogger("tests"), "composio_tool_call", "RATE_LIMIT_EXCEEDED", **given)
    [line] = lines.of("composio_tool_call")
    assert line["toolkit"] == top
    assert (line["context"] or {}) == given


def test_rate_limit__as_the_playbook_writes_it(lines: Lines) -> None:
    event(
        logging.getLogger("tests"),
        "composio_tool_call",
        "RATE_LIMIT_EXCEEDED",
        level=logging.ERROR,
        bd_issue="BD-4521",
        mission_id="mission_789",
        agent="executor",
        toolkit="gmail",
        action="send",
        error_code="RATE_LIMIT_EXCEEDED",
        retry_after_seconds=60,
    )
    [line] = lines.of("composio_tool_call")
    assert (line["level"], line["bd_issue"], line["mission_id"]) == (
        "ERROR",
        "BD-4521",
        "mission_789",
    )
    assert (line["agent"], line["toolkit"]) == ("executor", "gmail")
    assert line["context"]["retry_after_seconds"] == 60


@pytest.mark.parametrize(
    ("environment", "word"), [("production", "prod"), ("staging", "staging"), ("local", "dev")]
)
def test_environment__in_the_playbooks_words(
    lines: Lines, settings: Any, environment: str, word: str
) -> None:
    settings.ENVIRONMENT = environment
    event(logging.getLogger("tests"), "tests.env")
    assert lines.of("tests.env")[0]["env"] == word


# --- From the request to what it leads to -------------------------------------------------------


def test_trace_of_the_caller__is_the_trace_of_the_call_out(receiver: Receiver) -> None:
    with context.bind(request_id="r", correlation_id="c", trace_id=TRACE):
        http.request("POST", f"{receiver.url}/x", json={}, allow=["127.0.0.1"])
    headers = receiver.received[0].headers
    assert headers["X-Request-ID"] == "r"
    assert headers["X-Correlation-ID"] == "c"
    assert headers["traceparent"].split("-")[1] == TRACE


def test_message_of_a_request__sent_later__has_its_ids(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    monkeypatch.setattr(outbox, "TOPICS", dict(outbox.TOPICS))

    @outbox.topic("tests.call")
    def deliver(message: Any) -> Any:
        event(logging.getLogger("tests"), "tests.delivered")
        http.request("POST", f"{receiver.url}/x", json={}, allow=["127.0.0.1"])
        return Outcome("accepted")

    with context.bind(request_id="req_1", correlation_id=TRACE, trace_id=TRACE):
        outbox.enqueue("tests.call", {}, key="tests-1")
    assert outbox.send_due() == 1
    headers = receiver.received[0].headers
    assert headers["X-Correlation-ID"] == TRACE
    assert headers["traceparent"].split("-")[1] == TRACE, "the same trace as the request was"
    assert headers["X-Request-ID"] not in {"", "req_1"}
    [line] = lines.of("tests.delivered")
    assert (line["correlation_id"], line["trace_id"]) == (TRACE, TRACE)


def test_signal__consumed_later__has_the_correlation_of_its_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signals, "CONSUMERS", dict(signals.CONSUMERS))
    seen: list[context.Context] = []

    @signals.consumes("tests.told")
    def told(row: Any) -> None:
        seen.append(context.current())

    with context.bind(request_id="req_1", correlation_id="cor_1"):
        signals.emit("tests.told", key="1", payload={})
    signals.work(time.monotonic() + 5)
    assert seen[0].correlation_id == "cor_1"
    assert seen[0].trace_id == context.trace_of("cor_1")


def test_task__takes_along_who_and_what_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, Any] = {}

    def apply(self: Any, args: Any = None, kwargs: Any = None, **options: Any) -> None:
        sent.update(options["headers"]["portal"])

    monkeypatch.setattr("celery.Task.apply_async", apply)
    told = {
        "request_id": "r",
        "correlation_id": "c",
        "trace_id": TRACE,
        "workspace": "acme",
        "mission_id": "MIS-1",
        "user_ref": "user:1",
        "bd_issue": "BD-1",
    }
    with context.bind(**told):
        PortalTask().apply_async()
    assert sent == told


@pytest.mark.parametrize(
    ("headers", "correlation"),
    [
        ({"X-Correlation-ID": "cor-1", "X-Request-ID": "req-1"}, "cor-1"),
        ({"X-Request-ID": "req-1"}, "req-1"),
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
        ({"X-Request-ID": "req-1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, "req-1"),
    ],
)
def test_correlation__what_the_caller_names_most_precisely(
    client: Client, headers: dict[str, str], correlation: str
) -> None:
    answer = client.get("/health", headers=headers)
    assert answer["X-Correlation-ID"] == correlation


def test_trace_of__is_a_trace_whatever_the_id() -> None:
    assert context.trace_of(TRACE) == TRACE
    made = context.trace_of("req_1")
    assert context.parse_traceparent(f"00-{made}-00f067aa0ba902b7-01") is not None
    assert made == context.trace_of("req_1") != context.trace_of("req_2")
    assert context.trace_of("0" * 32) != "0" * 32
