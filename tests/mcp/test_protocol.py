"""The rules of the protocol: one message a request, headers that repeat it, errors by number."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controlplane.audit.models import AuditEvent
from controlplane.base.mcp import eras, registry
from controlplane.base.mcp.registry import Tool
from controlplane.lib.errors import CODES
from tests import make
from tests.kit import settled
from tests.kit.api import Api
from tests.kit.mcp import SERVER, Mcp, Older, encoded

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kit.mcp_urls")]
META = {eras.VERSION: eras.MODERN, eras.CAPABILITIES: {}}


@settled.once
def key() -> str:
    return make.key(make.agent(make.workspace(), role="coordinator"))[1]


@settled.once
def mcp(key: str) -> Mcp:
    client = Mcp(key)
    client.path = "/mcp-tests"
    return client


@settled.once
def older(key: str) -> Older:
    client = Older(key)
    client.path = "/mcp-tests"
    return client


def send(mcp: Mcp, body: bytes, **headers: str) -> Any:
    return mcp.raw("POST", mcp.path, body, **headers)


def code_of(response: Any) -> tuple[int, int]:
    return response.status_code, response.json()["error"]["code"]


# --- The newest revision ------------------------------------------------------------------------


def test_discover__says_what_is_offered(mcp: Mcp) -> None:
    found = mcp.result("server/discover")
    assert found["supportedVersions"] == ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"]
    assert found["capabilities"] == {
        "tools": {"listChanged": False},
        "resources": {"subscribe": True, "listChanged": False},
    }
    assert (found["resultType"], found["cacheScope"]) == ("complete", "public")
    assert found["ttlMs"] > 0
    assert found["_meta"][eras.SERVER]["name"] == "tests"


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/list", {}), ("resources/list", {}), ("resources/templates/list", {}),
        ("resources/read", {"uri": "test://static-text"}),
    ],
)  # fmt: skip
def test_lists_and_reads__say_how_long_they_may_be_kept(
    mcp: Mcp, older: Older, method: str, params: dict[str, Any]
) -> None:
    found = mcp.result(method, params)
    assert (found["resultType"], found["ttlMs"] >= 0) == ("complete", True)
    assert found["cacheScope"] in {"public", "private"}
    assert eras.SERVER in found["_meta"]
    before = older.result(method, params)
    assert not {"resultType", "ttlMs", "cacheScope", "_meta"} & set(before)


def test_tools__come_with_schemas_and_hints(mcp: Mcp) -> None:
    tools = {tool["name"]: tool for tool in mcp.result("tools/list")["tools"]}
    simple = tools["test_simple_text"]
    assert simple["inputSchema"] == {"type": "object"}
    assert simple["annotations"]["readOnlyHint"] is False
    assert all(tool["description"] and tool["title"] for tool in tools.values())


def test_call__answers_in_blocks_or_data(mcp: Mcp) -> None:
    told = mcp.result("tools/call", {"name": "test_simple_text"})
    assert told["content"][0]["text"] == "This is a simple text response for testing."
    assert (told["isError"], told["resultType"]) == (False, "complete")


def test_refusal_of_a_tool__is_its_answer(mcp: Mcp) -> None:
    response = mcp.ask("tools/call", {"name": "test_error_handling", "arguments": {}})
    assert response.status_code == 200
    result = response.json()["result"]
    error = result["structuredContent"]["error"]
    assert (result["isError"], error["code"]) == (True, "CONFLICT")
    assert error["request_id"] == response["X-Request-ID"]
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]


def test_broken_tool__says_no_more_than_its_request(mcp: Mcp) -> None:
    response = mcp.ask("tools/call", {"name": "test_broken", "arguments": {}})
    assert code_of(response) == (500, -32603)
    assert response.json()["error"]["data"]["code"] == "INTERNAL"
    assert b"ZeroDivision" not in response.content


HEADERS = [
    ({"MCP_Protocol_Version": ""}, -32020),
    ({"MCP_Protocol_Version": "2025-11-25"}, -32020),
    ({"Mcp_Method": ""}, -32020),
    ({"Mcp_Method": "tools/list"}, -32020),
    ({"Mcp_Method": "Tools/Call"}, -32020),
    ({"Mcp_Name": ""}, -32020),
    ({"Mcp_Name": "test_error_handling"}, -32020),
    ({"Mcp_Name": "=?base64?!!?="}, -32020),
    ({"Mcp_Name": "=?base64?/w==?="}, -32020),
    ({"Mcp_Name": "é"}, -32020),
]


@pytest.mark.parametrize(("headers", "code"), HEADERS)
def test_headers__must_repeat_the_message(mcp: Mcp, headers: dict[str, str], code: int) -> None:
    error = mcp.error("tools/call", {"name": "test_simple_text"}, **headers)
    assert (error["status"], error["code"]) == (400, code), error


def test_name_in_the_header__may_be_encoded(mcp: Mcp) -> None:
    plain = "=?base64?dGVzdF9zaW1wbGVfdGV4dA==?="
    assert mcp.result("tools/call", {"name": "test_simple_text"}, Mcp_Name=plain)
    assert encoded("é") == "=?base64?w6k=?="
    error = mcp.error("tools/call", {"name": "é"})
    assert (error["code"], error["message"]) == (-32602, "Unknown tool: é")


def test_name_of_a_header__has_no_case(mcp: Mcp) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}
    headers = {"mcp-protocol-version": eras.MODERN, "MCP-METHOD": "tools/list"}
    assert mcp.send("POST", mcp.path, body, **headers).status_code == 200


def test_unknown_version__is_told_which_there_are(mcp: Mcp) -> None:
    meta = {eras.VERSION: "1900-01-01"}
    error = mcp.error("tools/list", {"_meta": meta}, MCP_Protocol_Version="1900-01-01")
    assert (error["status"], error["code"]) == (400, -32022)
    assert error["data"] == {"requested": "1900-01-01", "supported": list(eras.SUPPORTED)}


@pytest.mark.parametrize(
    "meta",
    [{}, {eras.VERSION: eras.MODERN}, {eras.CAPABILITIES: {}}, {**META, eras.CAPABILITIES: []},
     {**META, eras.VERSION: 5}, [], "x"],
)  # fmt: skip
def test_meta__must_say_version_and_capabilities(mcp: Mcp, meta: Any) -> None:
    body = {"jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": {"_meta": meta}}
    headers = {"MCP-Protocol-Version": eras.MODERN, "Mcp-Method": "tools/list"}
    response = mcp.send("POST", mcp.path, body, **headers)
    assert code_of(response) == (400, -32602)
    assert response.json()["id"] == 3


@pytest.mark.parametrize(
    "method", ["initialize", "ping", "prompts/list", "logging/setLevel", "resources/subscribe",
               "completion/complete", "tools/none", "toString", "__class__"],
)  # fmt: skip
def test_method_that_is_not_there__is_404(mcp: Mcp, method: str) -> None:
    error = mcp.error(method)
    assert (error["status"], error["code"]) == (404, -32601)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/call", {"name": "nothing"}),
        ("tools/call", {"name": "test_simple_text", "arguments": []}),
        ("tools/list", {"cursor": "abc"}),
        ("resources/read", {"uri": "test://nothing"}),
        ("resources/read", {"uri": "file:///etc/passwd"}),
        ("resources/read", {"uri": "nothing"}),
    ],
)
def test_params_that_mean_nothing__are_32602(mcp: Mcp, method: str, params: dict[str, Any]) -> None:
    error = mcp.error(method, params)
    assert (error["status"], error["code"]) == (400, -32602)


# --- Messages -----------------------------------------------------------------------------------

BODIES = [
    (b"", -32600), (b"{", -32700), (b"\xff", -32700), (b'{"a":1,"a":2}', -32700),
    (b'{"a":NaN}', -32700), (b'{"a":"\\u0000"}', -32700), (b'{"a":"\\ud800"}', -32700),
    (b"[" * 100 + b"]" * 100, -32700), (b'"x"', -32600), (b"null", -32600), (b"5", -32600),
    (b"[]", -32600), (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600), (b"{}", -32600),
    (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":1}', -32600), (b'{"jsonrpc":"2.0","id":1,"method":5}', -32600),
    (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32602),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code"), BODIES, ids=range(len(BODIES)))
def test_body_that_is_no_message__is_400(mcp: Mcp, body: bytes, code: int) -> None:
    for headers in ({}, {"MCP-Protocol-Version": eras.MODERN, "Mcp-Method": "ping"}):
        response = send(mcp, body, **headers)
        assert code_of(response) == (400, code), response.content
        assert response["Content-Type"] == "application/json"


def test_refusal__carries_the_id_where_there_is_one(mcp: Mcp) -> None:
    assert send(mcp, b'{"jsonrpc":"1.0","id":"a","method":"ping"}').json()["id"] == "a"
    assert "id" not in send(mcp, b"{").json()


def test_other_types_and_sizes__are_refused_as_everywhere(mcp: Mcp) -> None:
    response = mcp.raw("POST", mcp.path, b"{}", "text/plain")
    assert (response.status_code, response.json()["error"]["code"]) == (415, 415)
    big = b'{"jsonrpc":"2.0","method":"' + b"x" * 1_100_000 + b'"}'
    response = send(mcp, big)
    assert response.status_code == 413
    assert response.json()["error"]["data"]["code"] == "TOO_LARGE"


def test_notification__is_taken_and_not_answered(mcp: Mcp, older: Older) -> None:
    body = b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}'
    for client, headers in ((mcp, {"MCP-Protocol-Version": eras.MODERN}), (older, {})):
        response = send(client, body, **headers)
        assert (response.status_code, response.content) == (202, b"")


def test_answer_of_a_client__is_heard_only_from_older_ones(mcp: Mcp, older: Older) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"result":{}}'
    assert send(older, body).status_code == 202
    response = send(mcp, body, MCP_Protocol_Version=eras.MODERN)
    assert code_of(response) == (400, -32600)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "OPTIONS"])
def test_other_methods__are_405(mcp: Mcp, method: str) -> None:
    response = mcp.raw(method, mcp.path, b"", Mcp_Session_Id="1", Last_Event_ID="4")
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert response.json()["error"]["code"] == 405


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://testserver", 200), ("http://127.0.0.1:8000", 200), ("https://testserver", 403),
     ("http://evil.example", 403), ("null", 403), ("http://testserver.evil.example", 403)],
)  # fmt: skip
def test_origin__must_be_the_portal(mcp: Mcp, origin: str, status: int) -> None:
    response = mcp.ask("tools/list", Origin=origin)
    assert response.status_code == status
    if status == 403:
        assert response.json()["error"]["data"]["code"] == "FORBIDDEN"


def test_host_of_somebody_else__is_refused(mcp: Mcp) -> None:
    response = mcp.ask("tools/list", Host="evil.example", Origin="http://evil.example")
    assert response.status_code == 400


def test_listening__is_for_the_stream_process(mcp: Mcp) -> None:
    asked = {"notifications": {"resourceSubscriptions": ["test://static-text"]}}
    error = mcp.error("subscriptions/listen", asked)
    assert (error["status"], error["data"]["code"]) == (503, "UNAVAILABLE")


@pytest.mark.parametrize(
    "asked",
    [{}, {"notifications": []}, {"notifications": {"toolsListChanged": 1}},
     {"notifications": {"resourceSubscriptions": "x"}},
     {"notifications": {"resourceSubscriptions": [5]}},
     {"notifications": {"resourceSubscriptions": ["y"] * 101}}],
)  # fmt: skip
def test_listening__to_what_makes_no_sense(mcp: Mcp, asked: dict[str, Any]) -> None:
    error = mcp.error("subscriptions/listen", asked)
    assert (error["status"], error["code"]) == (400, -32602)


# --- Revisions with a handshake -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "given"),
    [("2025-11-25", "2025-11-25"), ("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-03-26"),
     ("2024-11-05", "2025-11-25"), ("2026-07-28", "2025-11-25"), ("x", "2025-11-25")],
)  # fmt: skip
def test_initialize__settles_the_version(older: Older, asked: str, given: str) -> None:
    params = {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "t"}}
    response = older.ask("initialize", params)
    found = response.json()["result"]
    assert found["protocolVersion"] == given
    assert found["serverInfo"]["name"] == "tests"
    assert found["capabilities"]["resources"] == {"subscribe": False, "listChanged": False}
    assert "Mcp-Session-Id" not in response
    assert older.error("initialize", {})["code"] == -32602


def test_older_client__is_served_without_a_session(older: Older) -> None:
    assert older.result("ping") == {}
    assert older.result("tools/list")["tools"]
    told = older.result("tools/call", {"name": "test_simple_text", "arguments": {}})
    assert told["content"][0]["type"] == "text"
    assert older.result("ping", Mcp_Method="ping") == {}  # says more than it must
    older.version = None  # the first revision knew no header
    assert older.result("ping") == {}


def test_older_client__hears_errors_as_answers(older: Older) -> None:
    error = older.error("prompts/list")
    assert (error["status"], error["code"]) == (200, -32601)
    error = older.error("ping", MCP_Protocol_Version="2024-11-05")
    assert (error["status"], error["code"]) == (400, -32022)
    assert older.error("server/discover")["code"] == -32601
    assert older.error("subscriptions/listen")["code"] == -32601


# --- Who is let in ------------------------------------------------------------------------------


def test_nobody__is_told_where_to_ask(mcp: Mcp) -> None:
    for stranger in (Mcp(), Mcp("cp_" + "x" * 40)):
        response = stranger.ask("tools/list")
        assert response.status_code == 401
        error = response.json()["error"]
        assert (error["code"], error["data"]["code"]) == (401, "UNAUTHORIZED")
        where = "http://testserver/.well-known/oauth-protected-resource/mcp"
        assert f'resource_metadata="{where}"' in response["WWW-Authenticate"]
    assert Mcp().get("/mcp").status_code == 401


@pytest.mark.parametrize("path", ["", "/mcp"])
def test_metadata__says_how_to_be_let_in(path: str) -> None:
    found = Api().get(f"/.well-known/oauth-protected-resource{path}").json()
    assert found["resource"] == "http://testserver/mcp"
    assert found["bearer_methods_supported"] == ["header"]
    assert found["jwks_uri"].endswith("/.well-known/jwks.json")
    assert found["authorization_servers"] == ["http://testserver"]


def test_tool_one_may_not_use__is_not_shown_and_refused(mcp: Mcp) -> None:
    names = {tool["name"] for tool in mcp.result("tools/list")["tools"]}
    assert "telemetry_manage" not in names
    error = mcp.refused("telemetry_manage")
    assert (error["code"], CODES[error["code"]]) == ("FORBIDDEN", 403)


def test_denial__is_in_the_log(mcp: Mcp) -> None:
    mcp.refused("telemetry_manage")
    row = AuditEvent.objects.latest("pk")
    assert (row.action, row.source) == ("telemetry.manage_rules", "mcp")


def test_session_of_a_browser__needs_its_token() -> None:
    browser = make.client(make.person(make.workspace(), "operations_command"))
    browser.handler.enforce_csrf_checks = True
    client = Mcp(browser=browser)
    response = client.ask("tools/list")
    assert response.status_code == 403


def test_limits__count_a_tool_as_its_route(mcp: Mcp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_API_LIMIT_WRITE", "2")
    for _ in range(2):
        mcp.result("tools/call", {"name": "test_simple_text"})
    response = mcp.ask("tools/call", {"name": "test_simple_text"})
    error = response.json()["result"]["structuredContent"]["error"]
    assert error["code"] == "RATE_LIMITED"
    assert error["retry_after_s"] == int(response["Retry-After"]) >= 1
    assert mcp.ask("tools/list").status_code == 200
    monkeypatch.setenv("CONTROLPLANE_API_LIMIT_HOT", "1")
    response = mcp.ask("tools/list")
    assert (response.status_code, response.json()["error"]["code"]) == (429, 429)
    assert int(response["Retry-After"]) >= 1


def test_two_tools_of_one_name__are_a_mistake() -> None:
    tool = Tool(name="x", title="x", description="x", run=lambda *_: {})
    server = registry.Server()
    server.add(tool)
    server.add(tool)
    with pytest.raises(ValueError, match="two tools are called x"):
        server.add(Tool(name="x", title="y", description="y", run=lambda *_: {}))
    assert SERVER.of("test://a") is not None
    assert SERVER.of("other://a") is None
