"""The body of a request: `{"context": {…}}`, read strictly and refused in OFREP's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse

from controlplane.base.api import bodies
from controlplane.base.api.answers import JsonAnswer
from controlplane.lib import strictjson
from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid

MAX_BODY = define(
    "flags.max_context_bytes",
    256 * 1024,
    unit="bytes",
    why="A context is some hundred bytes; this is a browser that sends its whole state.",
)
_CODE = "ofrep"


class BadContext(Invalid):
    """`code`: INVALID_CONTEXT or PARSE_ERROR, as the protocol names them."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, details={_CODE: code})


def body_of(request: HttpRequest) -> bytes:
    body = bodies.read(request, MAX_BODY.value)
    if body:
        bodies.check_json(request.META.get("CONTENT_TYPE", ""))
    return body


def context_of(body: bytes) -> dict[str, Any]:
    """The context; an empty one where none was sent, for only some rules need one."""
    told = strictjson.loads(body, max_bytes=max(len(body), 1)) if body else {}
    if not isinstance(told, dict):
        raise BadContext("PARSE_ERROR", "The body is a JSON object.")
    context = told.get("context")
    if context is None:
        return {}
    if not isinstance(context, dict):
        raise BadContext("INVALID_CONTEXT", "The context is an object.")
    key = context.get("targetingKey")
    if key is not None and not isinstance(key, str):
        raise BadContext("INVALID_CONTEXT", "targetingKey is a text.")
    return context


def keyless(context: Mapping[str, Any]) -> bool:
    """Whether nothing in it says who it is about. An empty text counts as a value."""
    return all(context.get(name) is None for name in ("targetingKey", "userId", "sessionId"))


def refused(request: HttpRequest, response: JsonAnswer) -> HttpResponse:
    """The portal's envelope as OFREP says it. What is wrong with a body is 400 whatever the
    portal calls it: clients know no other status for it."""
    error = response.data["error"]
    status = response.status_code
    details = " ".join([error["message"], *_sentences(error["details"])])[:500]
    told: dict[str, Any] = {"errorDetails": details}
    if status in {400, 411, 413, 415}:
        status, told["errorCode"] = 400, error["details"].get(_CODE, "PARSE_ERROR")
        match = request.resolver_match
        if match is not None and "key" in match.kwargs:
            told["key"] = match.kwargs["key"]
    answer = JsonAnswer(told, status)
    for name, value in response.items():
        if name not in {"Content-Type", "Link"}:
            answer[name] = value
    return answer


def _sentences(details: Mapping[str, Any]) -> list[str]:
    return [str(value) for name, value in details.items() if name != _CODE]
