"""What each method answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from controlplane.base.api.answers import JSON, encode
from controlplane.base.mcp import calling, eras, listening
from controlplane.base.mcp.registry import Call, Later, Server
from controlplane.base.mcp.rpc import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    Message,
    ProtocolError,
    answer,
)

_HOUR = 3_600_000
_MINUTE = 60_000
Method = Callable[[Server, Call, Message], Mapping[str, Any]]


def perform(
    server: Server, request: HttpRequest, message: Message, *, modern: bool
) -> HttpResponseBase:
    call = Call(request)
    if modern and message.method == "subscriptions/listen":
        return listening.listen(server, call, message)
    if message.method == "tools/call":
        done = calling.perform(server, call, message)
        if isinstance(done, Later):
            held = _held(server, message, done, modern=modern)
            return StreamingHttpResponse(held, content_type=JSON)
        response = answer(message.id, _finished(done.result, server) if modern else done.result)
        for name, value in done.headers.items():
            response[name] = value
        return response
    method = (_MODERN if modern else _LEGACY).get(message.method)
    if method is None:
        raise ProtocolError(
            METHOD_NOT_FOUND, f"Method not found: {message.method[:100]}", 404 if modern else 200
        )
    result = method(server, call, message)
    return answer(message.id, _finished(result, server) if modern else _older(result))


async def _held(
    server: Server, message: Message, later: Later, *, modern: bool
) -> AsyncIterator[bytes]:
    """The answer's head leaves now and its body when there is one."""
    yield b" "
    told: dict[str, Any] = {"jsonrpc": "2.0", "id": message.id}
    try:
        result = (await calling.finished(later)).result
        told["result"] = _finished(result, server) if modern else result
    except calling.Broken as error:
        told["error"] = {"code": error.code, "message": error.message, "data": error.data}
    yield encode(told)


def about(server: Server) -> dict[str, Any]:
    return {"name": server.name, "title": server.title, "version": settings.VERSION}


def _finished(result: Mapping[str, Any], server: Server) -> dict[str, Any]:
    return {"resultType": "complete", **result, "_meta": {eras.SERVER: about(server)}}


def _older(result: Mapping[str, Any]) -> dict[str, Any]:
    return {name: result[name] for name in result if name not in {"ttlMs", "cacheScope"}}


def _kept(most_ms: int, scope: str = "private") -> dict[str, Any]:
    return {"ttlMs": most_ms, "cacheScope": scope}


def _capabilities(server: Server, *, modern: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"tools": {"listChanged": False}}
    if server.resources:
        told["resources"] = {"subscribe": modern, "listChanged": False}
    return told


def _discover(server: Server, call: Call, message: Message) -> dict[str, Any]:
    return {
        "supportedVersions": list(eras.SUPPORTED),
        "capabilities": _capabilities(server, modern=True),
        "instructions": server.instructions,
        **_kept(_HOUR, "public"),
    }


def _initialize(server: Server, call: Call, message: Message) -> dict[str, Any]:
    asked = message.params.get("protocolVersion")
    if not isinstance(asked, str):
        raise ProtocolError(INVALID_PARAMS, "params.protocolVersion: a text.", 200)
    return {
        "protocolVersion": asked if asked in eras.LEGACY else eras.LEGACY[0],
        "capabilities": _capabilities(server, modern=False),
        "serverInfo": about(server),
        "instructions": server.instructions,
    }


def _ping(server: Server, call: Call, message: Message) -> dict[str, Any]:
    return {}


def _list_tools(server: Server, call: Call, message: Message) -> dict[str, Any]:
    """Those that the caller may use. All at once: a few dozen are one page."""
    _first_page(message)
    tools = [tool.shown for tool in server.tools.values() if tool.allowed(call.actor)]
    return {"tools": tools, **_kept(5 * _MINUTE)}


def _list_resources(server: Server, call: Call, message: Message) -> dict[str, Any]:
    _first_page(message)
    found = [each for one in server.resources for each in one.listed(call)]
    return {"resources": found, **_kept(0)}


def _list_templates(server: Server, call: Call, message: Message) -> dict[str, Any]:
    _first_page(message)
    found = [each for one in server.resources for each in one.templates]
    return {"resourceTemplates": found, **_kept(_HOUR, "public")}


def _first_page(message: Message) -> None:
    if message.params.get("cursor") is not None:
        raise ProtocolError(INVALID_PARAMS, "Invalid cursor: this list has one page.")


def _read_resource(server: Server, call: Call, message: Message) -> dict[str, Any]:
    uri = message.params.get("uri")
    if not isinstance(uri, str):
        raise ProtocolError(INVALID_PARAMS, "params.uri: a text.")
    with calling.refusals(call):
        owner = server.of(uri)
        found = owner.read(call, uri) if owner is not None else None
    if found is None:
        data = {"uri": uri[:500]}
        raise ProtocolError(INVALID_PARAMS, "Resource not found", 400, data)
    return {"contents": [found], **_kept(0)}


_SHARED: dict[str, Method] = {"tools/list": _list_tools}
_RESOURCES: dict[str, Method] = {
    "resources/list": _list_resources,
    "resources/templates/list": _list_templates,
    "resources/read": _read_resource,
}
_MODERN: dict[str, Method] = {"server/discover": _discover, **_SHARED, **_RESOURCES}
_LEGACY: dict[str, Method] = {"initialize": _initialize, "ping": _ping, **_SHARED, **_RESOURCES}
