"""Speaking with `/mcp` as clients of each revision do, and a server with tools of its own."""

from __future__ import annotations

import base64
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from controlplane.access.models import Agent
from controlplane.access.principals import actor_for_agent
from controlplane.base.mcp import eras
from controlplane.base.mcp.registry import Call, Content, Server, Tool
from controlplane.base.mcp.view import endpoint
from controlplane.lib.errors import Conflict
from tests.kit.api import Api

_NAMED = {"tools/call": "name", "resources/read": "uri", "prompts/get": "name"}


class Mcp(Api):
    """A client of one revision; `None` leaves out what names one."""

    version: str | None = eras.MODERN
    path = "/mcp"

    def ask(self, method: str, params: dict[str, Any] | None = None, **headers: str) -> Any:
        """The HTTP answer to a well-formed request; `headers` replace those it would have."""
        given = dict(params or {})
        sent: dict[str, str] = {}
        if self.version == eras.MODERN:
            meta = {eras.VERSION: self.version, eras.CAPABILITIES: {}}
            given["_meta"] = {**meta, **given.get("_meta", {})}
            sent = {"MCP-Protocol-Version": self.version, "Mcp-Method": method}
            if method in _NAMED and isinstance(given.get(_NAMED[method]), str):
                sent["Mcp-Name"] = encoded(given[_NAMED[method]])
        elif self.version is not None and method != "initialize":
            sent = {"MCP-Protocol-Version": self.version}
        message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": given}
        merged = {**sent, **{name.replace("_", "-"): text for name, text in headers.items()}}
        kept = {name: text for name, text in merged.items() if text}
        return self.send("POST", self.path, message, **kept)

    def result(self, method: str, params: dict[str, Any] | None = None, **headers: str) -> Any:
        response = self.ask(method, params, **headers)
        assert response.status_code == 200, response.content
        body = response.json()
        assert (body["jsonrpc"], body["id"]) == ("2.0", 7), body
        assert "error" not in body, body
        return body["result"]

    def error(self, method: str, params: dict[str, Any] | None = None, **headers: str) -> Any:
        response = self.ask(method, params, **headers)
        error = response.json()["error"]
        return {**error, "status": response.status_code}

    def call(self, tool: str, **arguments: Any) -> Any:
        """What a tool answers."""
        result = self.result("tools/call", {"name": tool, "arguments": arguments})
        assert not result["isError"], result
        return result["structuredContent"]

    def refused(self, tool: str, **arguments: Any) -> Any:
        """Why a tool refuses."""
        result = self.result("tools/call", {"name": tool, "arguments": arguments})
        assert result["isError"], result
        return result["structuredContent"]["error"]


class Older(Mcp):
    version: str | None = eras.LEGACY[0]


def encoded(text: str) -> str:
    if text.isascii() and text.isprintable() and text == text.strip():
        return text
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


# --- A server of the tests, with what the official suite asks for --------------------------------

_PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAAB"
    "JRU5ErkJggg=="
)
_SOUND = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA=="


def _text(text: str) -> Content:
    return Content([{"type": "text", "text": text}])


def _picture(call: Call, given: dict[str, Any]) -> Content:
    return Content([{"type": "image", "data": _PICTURE, "mimeType": "image/png"}])


def _sound(call: Call, given: dict[str, Any]) -> Content:
    return Content([{"type": "audio", "data": _SOUND, "mimeType": "audio/wav"}])


def _embedded(call: Call, given: dict[str, Any]) -> Content:
    return Content([_resource("This is an embedded resource content.")])


def _resource(text: str) -> dict[str, Any]:
    held = {"uri": "test://embedded-resource", "mimeType": "text/plain", "text": text}
    return {"type": "resource", "resource": held}


def _mixed(call: Call, given: dict[str, Any]) -> Content:
    picture = {"type": "image", "data": _PICTURE, "mimeType": "image/png"}
    text = {"type": "text", "text": "Multiple content types test:"}
    return Content([text, picture, _resource('{"test":"data","value":123}')])


def _failing(call: Call, given: dict[str, Any]) -> Content:
    raise Conflict("This tool intentionally returns an error for testing")


def _broken(call: Call, given: dict[str, Any]) -> Content:
    raise ZeroDivisionError


class Held:
    """Resources that never change."""

    schemes: Collection[str] = frozenset({"test"})
    templates: Sequence[Mapping[str, Any]] = (
        {"uriTemplate": "test://template/{id}/data", "name": "template", "mimeType": "text/plain"},
    )

    def listed(self, call: Call) -> list[dict[str, Any]]:
        text = {"uri": "test://static-text", "name": "text", "mimeType": "text/plain"}
        binary = {"uri": "test://static-binary", "name": "binary", "mimeType": "image/png"}
        return [text, binary]

    def read(self, call: Call, uri: str) -> dict[str, Any] | None:
        if uri == "test://static-text":
            text = "This is the content of the static text resource."
            return {"uri": uri, "mimeType": "text/plain", "text": text}
        if uri == "test://static-binary":
            return {"uri": uri, "mimeType": "image/png", "blob": _PICTURE}
        if uri.startswith("test://template/") and uri.endswith("/data"):
            found = uri.removeprefix("test://template/").removesuffix("/data")
            text = f'{{"id":"{found}","templateTest":true,"data":"Data for ID: {found}"}}'
            return {"uri": uri, "mimeType": "application/json", "text": text}
        return None

    def watch(self, call: Call, uris: Sequence[str]) -> tuple[list[str], Any]:
        return [uri for uri in uris if self.read(call, uri)], self

    def open(self, tell: Any, doubt: Any) -> None:
        pass

    def close(self) -> None:
        pass

    async def still(self) -> None:
        pass

    async def news(self) -> Sequence[tuple[str, Mapping[str, Any]]]:
        return []


_SCHEMA_2020 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def _tool(name: str, run: Any, **given: Any) -> Tool:
    return Tool(name=name, title=name, description=f"{name}, for tests.", run=run, **given)


def made() -> Server:
    server = Server(name="tests", instructions="For tests.")
    server.add(
        _tool("test_simple_text", lambda *_: _text("This is a simple text response for testing.")),
        _tool("test_image_content", _picture),
        _tool("test_audio_content", _sound),
        _tool("test_embedded_resource", _embedded),
        _tool("test_multiple_content_types", _mixed),
        _tool("test_error_handling", _failing),
        _tool("test_broken", _broken),
        _tool("json_schema_2020_12_tool", lambda *_: _text("Taken."), input=_SCHEMA_2020),
        _tool("telemetry_manage", lambda *_: {"done": True}, action="telemetry.manage_rules"),
    )
    server.offer(Held())
    return server


SERVER = made()
_view: Any = endpoint(SERVER)


AGENT = "MCP_TESTS_AGENT"  # the uid of who asks


def injected(request: Any) -> Any:
    """The server of the tests, asked by one agent without credentials: the suite sends none."""
    agent = Agent.objects.select_related("workspace").get(uid=os.environ[AGENT])
    request.portal_actor = request.actor = actor_for_agent(agent)
    return _view(request)


injected.csrf_exempt = True  # type: ignore[attr-defined]
