"""One call of a tool: let in, limited, done, told."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from controlplane.access import policy
from controlplane.access.tokens import claims_match
from controlplane.base.api import throttles
from controlplane.base.api.answers import JsonAnswer, encode
from controlplane.base.api.auth import SIGNED_IN
from controlplane.base.api.errors import answer, error_answer, failure_of
from controlplane.base.mcp.registry import Call, Content, Later, Server, Tool
from controlplane.base.mcp.rpc import INTERNAL_ERROR, INVALID_PARAMS, Message, ProtocolError

logger = logging.getLogger(__name__)
_ALREADY_COUNTED = "hot"  # the door counts every message so
_DOWN = frozenset({500, 503})
_KEPT = ("Retry-After",)


@dataclass(frozen=True, slots=True)
class Done:
    result: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def perform(server: Server, call: Call, message: Message) -> Done | Later:
    tool = _tool(server, message.params.get("name"))
    given = message.params.get("arguments", {})
    if not isinstance(given, Mapping):
        raise ProtocolError(INVALID_PARAMS, "params.arguments: an object.")
    try:
        found = _run(tool, call, given)
        return found if isinstance(found, Later) else Done(_told(found))
    except ProtocolError:
        raise
    except Exception as error:  # noqa: BLE001 - every refusal becomes the tool's answer
        return _refused(error_answer(error, call.request))


async def finished(later: Later) -> Done:
    """What came of it. Denials are on record by then: whoever waits asks the database itself."""
    try:
        return Done(_told(await later.answer()))
    except Exception as error:
        failure = failure_of(error)
        if failure.unexpected:
            logger.exception("a tool failed while it waited")
        return _refused(answer(failure))


def _tool(server: Server, name: Any) -> Tool:
    tool = server.tools.get(name) if isinstance(name, str) else None
    if tool is None:
        raise ProtocolError(INVALID_PARAMS, f"Unknown tool: {str(name)[:100]}")
    return tool


def _run(tool: Tool, call: Call, given: Mapping[str, Any]) -> Any:
    if tool.throttle != _ALREADY_COUNTED:
        # Temporary rules were asked at the door; this counts the class alone.
        throttles.check(call.request, call.actor, tool.throttle, emergency=True)
    if tool.action != SIGNED_IN:
        policy.require(call.actor, tool.action)
    claims_match(call.actor, given, names=tool.sender_fields)
    return tool.run(call, tool.arguments(given))


def _told(value: Any) -> dict[str, Any]:
    if isinstance(value, Content):
        return {"content": list(value.blocks), "isError": False}
    made = value if isinstance(value, bytes) else encode(value)
    return _result(made, failed=False)


def _result(made: bytes, *, failed: bool) -> dict[str, Any]:
    """As data, and as a text for clients that show only that."""
    return {
        "content": [{"type": "text", "text": made.decode()}],
        "structuredContent": msgspec.Raw(made),
        "isError": failed,
    }


def _refused(envelope: JsonAnswer) -> Done:
    """A refusal is the answer of the tool: whoever asked can do better next time. What is broken
    here is not."""
    error = dict(envelope.data["error"])
    headers = {}
    if "Retry-After" in envelope:
        headers["Retry-After"] = envelope["Retry-After"]
        error["retry_after_s"] = int(envelope["Retry-After"])
    if envelope.status_code in _DOWN:
        raise Broken(envelope)
    return Done(_result(encode({"error": error}), failed=True), headers)


class Broken(ProtocolError):
    """The portal can't answer just now. Its headers say when to come again."""

    def __init__(self, envelope: JsonAnswer) -> None:
        error = envelope.data["error"]
        data = {name: error[name] for name in ("code", "details", "request_id")}
        super().__init__(INTERNAL_ERROR, error["message"], envelope.status_code, data)
        self.headers = {name: envelope[name] for name in _KEPT if name in envelope}


@contextmanager
def refusals(call: Call) -> Iterator[None]:
    """Where there is no tool whose answer a refusal could be, it is an error of the protocol with
    the portal's code in its data."""
    try:
        yield
    except ProtocolError:
        raise
    except Exception as error:
        envelope = error_answer(error, call.request)
        if envelope.status_code in _DOWN:
            raise Broken(envelope) from error
        told = envelope.data["error"]
        data = {name: told[name] for name in ("code", "details", "request_id")}
        raise ProtocolError(INVALID_PARAMS, told["message"], 400, data) from error
