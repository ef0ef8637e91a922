"""One JSON-RPC message of a body, and the errors of the protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from controlplane.base.api.answers import JsonAnswer

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022


class ProtocolError(Exception):
    """What is wrong with the message itself. What a tool refuses is its answer, no such error."""

    def __init__(
        self, code: int, message: str, status: int = 400, data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.data = code, message, status, data


@dataclass(frozen=True, slots=True)
class Message:
    method: str
    params: Mapping[str, Any]
    id: str | int | None  # None: a notification

    @property
    def meta(self) -> Mapping[str, Any]:
        meta = self.params.get("_meta")
        return meta if isinstance(meta, Mapping) else {}


def message_of(value: Any) -> Message | None:
    """The message; None for an answer, which older clients may send and nobody waits for."""
    if isinstance(value, list):
        raise ProtocolError(INVALID_REQUEST, "Send one message at a time, no batch.")
    if not isinstance(value, Mapping) or value.get("jsonrpc") != "2.0":
        raise ProtocolError(INVALID_REQUEST, 'Not a JSON-RPC message: "jsonrpc" must be "2.0".')
    if "method" not in value and ("result" in value or "error" in value):
        return None
    method = value.get("method")
    if not isinstance(method, str) or not method:
        raise ProtocolError(INVALID_REQUEST, "method: a text.")
    number = value.get("id")
    if "id" in value and (isinstance(number, bool) or not isinstance(number, str | int)):
        raise ProtocolError(INVALID_REQUEST, "id: a text or a whole number.")
    params = value.get("params", {})
    if not isinstance(params, Mapping):
        raise ProtocolError(INVALID_PARAMS, "params: an object.")
    return Message(method, params, number)


def id_in(value: Any) -> str | int | None:
    """The id of a message that may be malformed otherwise: its refusal carries it."""
    found = value.get("id") if isinstance(value, Mapping) else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def answer(number: str | int | None, result: Mapping[str, Any]) -> JsonAnswer:
    return JsonAnswer({"jsonrpc": "2.0", "id": number, "result": result})


def refusal(request: HttpRequest, error: ProtocolError) -> JsonAnswer:
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        told["data"] = error.data
    body: dict[str, Any] = {"jsonrpc": "2.0", "error": told}
    number = getattr(request, "mcp_id", None)
    if number is not None:
        body["id"] = number
    return JsonAnswer(body, error.status)


def refusal_of(envelope: JsonAnswer) -> dict[str, Any]:
    """The portal's envelope as an error of JSON-RPC. Its number is that of HTTP, which stands
    outside of what the protocol reserves; the portal's own code is in `data`."""
    error = envelope.data["error"]
    code = INTERNAL_ERROR if envelope.status_code == 500 else envelope.status_code
    data = {name: error[name] for name in ("code", "details", "request_id")}
    return {"code": code, "message": error["message"], "data": data}


def refused(request: HttpRequest, envelope: JsonAnswer) -> HttpResponse:
    """The same as the answer, with what its headers say."""
    made = refusal_of(envelope)
    error = ProtocolError(made["code"], made["message"], envelope.status_code, made["data"])
    told = refusal(request, error)
    for name, value in envelope.items():
        if name != "Content-Type":
            told[name] = value
    return told
