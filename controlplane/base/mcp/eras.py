"""Which revision a message is of, and what its headers must say.

The newest says everything in each message, and says some of it again in headers, which a proxy
routes by: the two may not differ. Older ones begin with `initialize`; here they have no session, so
each of their messages is answered by itself as well.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from controlplane.base.mcp.rpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    UNSUPPORTED_VERSION,
    Message,
    ProtocolError,
)

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26")
SUPPORTED = (MODERN, *LEGACY)
_PREFIX = "io.modelcontextprotocol/"
VERSION = f"{_PREFIX}protocolVersion"
CAPABILITIES = f"{_PREFIX}clientCapabilities"
CLIENT = f"{_PREFIX}clientInfo"
SERVER = f"{_PREFIX}serverInfo"
SUBSCRIPTION = f"{_PREFIX}subscriptionId"

# method -> where the name in its params stands that `Mcp-Name` repeats
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_ENCODED = ("=?base64?", "?=")


def is_modern(request: HttpRequest, message: Message | None) -> bool:
    """Whether a message is of the revision without handshake."""
    if request.headers.get("MCP-Protocol-Version") == MODERN:
        return True
    return message is not None and VERSION in message.meta


def check_legacy(request: HttpRequest) -> None:
    """The first of these revisions knew no header; the others ask for one they negotiated."""
    stated = request.headers.get("MCP-Protocol-Version")
    if stated is not None and stated not in LEGACY:
        raise unsupported(stated)


def check_modern(request: HttpRequest, message: Message) -> None:
    header = request.headers.get("MCP-Protocol-Version")
    stated = message.meta.get(VERSION)
    if header is None:
        raise _mismatch("The header MCP-Protocol-Version is missing.")
    if stated is None:
        raise _missing(VERSION)
    if not isinstance(stated, str):
        raise ProtocolError(INVALID_PARAMS, f"_meta.{VERSION}: a text.")
    if header != stated:
        raise _mismatch("The header MCP-Protocol-Version is not the version in _meta.")
    if stated != MODERN:
        raise unsupported(stated)
    if CAPABILITIES not in message.meta:
        raise _missing(CAPABILITIES)
    if not isinstance(message.meta[CAPABILITIES], Mapping):
        raise ProtocolError(INVALID_PARAMS, f"_meta.{CAPABILITIES}: an object.")
    _check_routing(request, message)


def _check_routing(request: HttpRequest, message: Message) -> None:
    method = request.headers.get("Mcp-Method")
    if method is None:
        raise _mismatch("The header Mcp-Method is missing.")
    if method != message.method:
        raise _mismatch("The header Mcp-Method is not the method of the message.")
    place = _NAMED.get(message.method)
    if place is None:
        return
    wanted = message.params.get(place)
    given = request.headers.get("Mcp-Name")
    if given is None:
        raise _mismatch("The header Mcp-Name is missing.")
    if not isinstance(wanted, str):
        raise ProtocolError(INVALID_PARAMS, f"params.{place}: a text.")
    if decoded(given) != wanted:
        raise _mismatch(f"The header Mcp-Name is not params.{place}.")


def decoded(header: str) -> str:
    """What a header's value stands for: itself, or base64 of it between two marks."""
    begin, end = _ENCODED
    if header.startswith(begin) and header.endswith(end) and len(header) >= len(begin + end):
        try:
            return base64.b64decode(header[len(begin) : -len(end)], validate=True).decode()
        except (binascii.Error, ValueError):
            raise _mismatch("A header holds what is no base64 of UTF-8.") from None
    if not header.isascii() or not header.replace("\t", " ").isprintable():
        raise _mismatch("A header holds characters that belong encoded.")
    return header


def unsupported(stated: Any) -> ProtocolError:
    data = {"supported": list(SUPPORTED), "requested": str(stated)[:100]}
    return ProtocolError(UNSUPPORTED_VERSION, "Unsupported protocol version", 400, data)


def _mismatch(sentence: str) -> ProtocolError:
    return ProtocolError(HEADER_MISMATCH, f"Header mismatch: {sentence}")


def _missing(name: str) -> ProtocolError:
    return ProtocolError(INVALID_PARAMS, f"_meta.{name} is missing.")
