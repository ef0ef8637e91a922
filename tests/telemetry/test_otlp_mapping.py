"""What of an OTLP record stands where in the event it becomes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from telemetry.models import Event, Flag
from tests import make
from tests.kit import otlp
from tests.kit.api import Api
from tests.kit.otlp import JSON, PROTOBUF, SPAN, TRACE, logs, post, spans, taken

pytestmark = pytest.mark.django_db
ENCODINGS = pytest.mark.parametrize("encoding", [PROTOBUF, JSON])


@pytest.fixture
def workspace() -> Any:
    return make.workspace()


@pytest.fixture
def api(workspace: Any) -> Api:
    return Api(make.key(make.agent(workspace, role="executor"))[1])


def stored(api: Api, request: Any, encoding: str = PROTOBUF) -> Event:
    taken(post(api, request, encoding=encoding))
    found: Event = Event.objects.get()
    return found


@ENCODINGS
def test_log_record(api: Api, workspace: Any, encoding: str) -> None:
    at = otlp.nanos(30)
    record = {
        "time_unix_nano": at,
        "observed_time_unix_nano": at + 1_000,
        "severity_number": 17,
        "severity_text": "ERROR",
        "body": "Sync failed",
        "trace_id": TRACE,
        "span_id": SPAN,
        "attributes": {
            "mission.id": "MIS-7",
            "tenant.id": workspace.slug,
            "bd.issue": "bd-a1f",
            "mission.stage": "governed_execution",
            "enduser.id": "ada@example.org",
            "session.id": "s-1",
            "code.function.name": "sync",
            "count": 3,
            "ratio": 0.5,
            "last": True,
            "tags": ["a", 1, False],
            "nested": {"deep": {"er": "x"}},
            "raw": b"\x00\xff",
            "host.name": "own",
        },
    }
    resource = {"service.name": "crm", "deployment.environment.name": "staging", "host.name": "h"}
    row = stored(api, logs(record, resource=resource, scope="app.sync"), encoding)
    assert (row.event_type, row.message) == ("log", "Sync failed")
    assert (row.status, row.level, row.flags) == ("error", 40, 0)
    assert (row.service, row.env, row.agent) == ("crm", "staging", "executor")
    assert (row.workspace, row.mission, row.work_item) == (workspace, "MIS-7", "bd-a1f")
    assert (row.stage, row.session) == ("execute_observe", "s-1")
    assert (row.trace_id, row.span_id, row.correlation_id) == (TRACE, SPAN, TRACE)
    assert row.occurred_at == datetime.fromtimestamp(at / 1e9, UTC).replace(
        microsecond=at // 1_000 % 1_000_000
    )
    assert row.user_ref
    assert "ada" not in row.user_ref
    assert row.context == {
        "code.function.name": "sync",
        "count": 3,
        "ratio": 0.5,
        "last": True,
        "tags": ["a", 1, False],
        "nested": {"deep": {"er": "x"}},
        "raw": "00ff",
        "host.name": "own",
        "scope": "app.sync",
    }


@pytest.mark.parametrize(
    ("number", "text", "level"),
    [(1, "", 10), (5, "", 10), (8, "", 10), (9, "", 20), (12, "", 20), (13, "", 30), (16, "", 30),
     (17, "", 40), (20, "", 40), (21, "", 50), (24, "", 50), (0, "warn", 30), (0, "odd", 20),
     (99, "", 20)],
)  # fmt: skip
def test_severity(api: Api, number: int, text: str, level: int) -> None:
    row = stored(api, logs({"severity_number": number, "severity_text": text, "body": "x"}))
    assert row.level == level


@ENCODINGS
def test_named_event__is_that_event(api: Api, encoding: str) -> None:
    record = {
        "event_name": "tool_router_call",
        "attributes": {
            "mission_id": "MIS-1",
            "toolkit": "hubspot",
            "action": "create_contact",
            "outcome": "success",
            "duration_ms": 12.5,
            "token_usage": 90,
        },
    }
    row = stored(api, logs(record), encoding)
    assert (row.event_type, row.received_name) == ("composio_tool_call", "tool_router_call")
    assert (row.toolkit, row.operation, row.code) == ("hubspot", "create_contact", "success")
    assert (row.duration_ms, row.amount, row.mission) == (12.5, 90, "MIS-1")
    assert row.context["toolkit"] == "hubspot"


def test_named_event__by_attribute_and_with_a_body_of_fields(api: Api) -> None:
    record = {
        "attributes": {"event.name": "session_heartbeat"},
        "body": {"lag_ms": 40, "token_usage": 7, "session_state_size_bytes": 10},
    }
    row = stored(api, logs(record))
    assert (row.event_type, row.duration_ms, row.amount) == ("session_heartbeat", 40, 7)


def test_unknown_event__is_stored_and_marked(api: Api) -> None:
    row = stored(api, logs({"event_name": "shop.cart/é emptied", "body": "x"}))
    assert (row.event_type, row.flags) == ("shop.cart/_ emptied", Flag.UNKNOWN)


def test_body_of_another_shape__stands_in_the_context(api: Api) -> None:
    row = stored(api, logs({"body": {"message": "hello", "n": 1}}))
    assert (row.message, row.context) == ("hello", {"body": {"message": "hello", "n": 1}})


def test_times__the_observed_one_then_now(api: Api) -> None:
    at = otlp.nanos(60)
    request = logs(
        {"time_unix_nano": 0, "observed_time_unix_nano": at, "body": "observed"},
        {"time_unix_nano": 0, "body": "now"},
    )
    taken(post(api, request))
    observed = Event.objects.get(message="observed")
    assert int(observed.occurred_at.timestamp()) == at // 10**9
    now = Event.objects.get(message="now")
    assert now.occurred_at == now.received_at


@ENCODINGS
def test_span(api: Api, encoding: str) -> None:
    end = otlp.nanos()
    span = {
        "name": "GET /orders",
        "kind": 2,
        "parent_span_id": SPAN,
        "start_time_unix_nano": end - 1_500_000_000,
        "end_time_unix_nano": end,
        "attributes": {"http.response.status_code": 200, "correlation_id": "req-9"},
        "events": [{"name": "cache.miss", "time_unix_nano": end, "attributes": {"key": "k"}}],
        "status": {"code": 1},
    }
    row = stored(api, spans(span, resource={"service.name": "shop"}), encoding)
    assert (row.event_type, row.operation, row.service) == ("span", "GET /orders", "shop")
    assert (row.status, row.level, row.duration_ms) == ("success", 20, 1_500)
    assert (row.trace_id, row.span_id, row.parent_span_id) == (TRACE, f"{1:016x}", SPAN)
    assert row.correlation_id == "req-9"
    assert int(row.occurred_at.timestamp()) == end // 10**9
    assert row.context["span_kind"] == "server"
    [event] = row.context["events"]
    assert (event["name"], event["key"]) == ("cache.miss", "k")


def test_span__failed__with_the_exception_it_recorded(api: Api) -> None:
    span = {
        "events": [
            {
                "name": "exception",
                "attributes": {
                    "exception.type": "TimeoutError",
                    "exception.message": "no answer for ada@example.org",
                    "exception.stacktrace": 'File "x.py"\npassword=hunter2hunter2',
                },
            }
        ],
        "status": {"code": 2, "message": "gave up on ada@example.org"},
    }
    row = stored(api, spans(span))
    assert (row.status, row.level, row.code) == ("error", 40, "TimeoutError")
    assert "ada@example" not in str(row.context)
    assert "hunter2" not in str(row.context)
    assert row.redactions


def genai(api: Api, **more: Any) -> Event:
    return stored(api, spans({"name": "chat gemini-2.5-pro", **more}))


def test_chat__by_the_genai_conventions(api: Api) -> None:
    row = genai(
        api,
        kind=3,
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "gcp.gemini",
            "gen_ai.request.model": "gemini-2.5-pro",
            "gen_ai.response.model": "gemini-2.5-pro-002",
            "gen_ai.usage.input_tokens": 1_200,
            "gen_ai.usage.output_tokens": 300,
            "gen_ai.conversation.id": "conv-1",
            "gen_ai.agent.name": "PlannerAgent",
        },
    )
    assert (row.event_type, row.operation, row.toolkit) == ("gen_ai_call", "chat", "gcp.gemini")
    assert (row.agent, row.session, row.amount) == ("planner", "conv-1", 1_500)
    assert (row.status, row.duration_ms) == ("success", 250)
    assert row.context["model"] == "gemini-2.5-pro-002"
    assert (row.context["input_tokens"], row.context["output_tokens"]) == (1_200, 300)


def test_chat__failed(api: Api) -> None:
    attributes = {"gen_ai.operation.name": "chat", "error.type": "rate_limited"}
    row = genai(api, attributes=attributes)
    assert (row.event_type, row.status, row.code) == ("gen_ai_call", "error", "rate_limited")


def test_chat__by_old_names(api: Api) -> None:
    row = genai(
        api,
        attributes={
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.prompt_tokens": 10,
            "gen_ai.usage.completion_tokens": 5,
        },
    )
    assert (row.event_type, row.operation, row.amount) == ("gen_ai_call", "chat", 15)


@pytest.mark.parametrize(
    ("kind", "event", "operation"),
    [
        ("LLM", "gen_ai_call", "chat"),
        ("EMBEDDING", "gen_ai_call", "embeddings"),
        ("RETRIEVER", "gen_ai_call", "retrieval"),
        ("GUARDRAIL", "gen_ai_call", "guardrail"),
        ("TOOL", "composio_tool_call", "GMAIL_SEND_EMAIL"),
        ("AGENT", "agent_run_completed", ""),
        ("CHAIN", "span", "chat gemini-2.5-pro"),
    ],
)
def test_openinference(api: Api, kind: str, event: str, operation: str) -> None:
    row = genai(
        api,
        attributes={
            "openinference.span.kind": kind,
            "llm.model_name": "gemini-2.5-pro",
            "llm.token_count.prompt": 20,
            "llm.token_count.completion": 30,
            "llm.token_count.total": 55,
            "session.id": "s-9",
            "tool.name": "GMAIL_SEND_EMAIL",
        },
    )
    assert (row.event_type, row.operation, row.session) == (event, operation, "s-9")
    if kind in {"LLM", "AGENT"}:
        assert row.amount == 55
        assert row.context["model"] == "gemini-2.5-pro"
    if kind == "TOOL":
        assert row.toolkit == "gmail"


@pytest.mark.parametrize("failed", [False, True])
def test_tool_call__feeds_what_reads_tool_calls(api: Api, failed: bool) -> None:
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "HUBSPOT_CREATE_CONTACT",
        "gen_ai.tool.call.id": "call-1",
        "mission.id": "MIS-1",
    }
    if failed:
        attributes["error.type"] = "RATE_LIMIT_EXCEEDED"
    row = genai(api, attributes=attributes)
    assert (row.event_type, row.toolkit) == ("composio_tool_call", "hubspot")
    assert (row.operation, row.mission) == ("HUBSPOT_CREATE_CONTACT", "MIS-1")
    assert row.status == ("error" if failed else "success")
    assert row.code == ("RATE_LIMIT_EXCEEDED" if failed else "")
    assert row.duration_ms == 250


def test_tool_call__of_the_tool_router__is_its_operation(api: Api) -> None:
    name = "COMPOSIO_MULTI_EXECUTE_TOOL"
    row = genai(api, attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name})
    assert (row.operation, row.flags & Flag.OPERATION) == (name, 0)


def test_agent_run__is_no_call(api: Api) -> None:
    row = genai(
        api,
        attributes={
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "validator",
            "gen_ai.usage.input_tokens": 7,
        },
    )
    assert (row.event_type, row.agent, row.amount) == ("agent_run_completed", "validator", 7)


def test_long_words__are_redacted_before_they_are_cut(api: Api) -> None:
    name = "s" * 50 + " ada.lovelace@example.org"
    row = stored(api, logs({"body": "x"}, resource={"service.name": name}))
    assert len(row.service) <= 64
    assert "lovelace" not in row.service
    assert "lovelace" not in str(row.context)
