"""Reading a body: bounded before, while and after it is unpacked.

Django reads a chunked body as empty under WSGI, because it goes by Content-Length; the server
has the body nevertheless. It also answers a large body with an HTML page, and never unpacks.
"""

from __future__ import annotations

import zlib
from typing import Any

from django.http import HttpRequest

from controlplane.access.tokens import claims_match
from controlplane.lib import strictjson
from controlplane.lib.defaults import define
from controlplane.lib.errors import ControlPlaneError, Invalid, TooLarge

MAX_BODY = define(
    "api.max_body_bytes",
    1024 * 1024,
    unit="bytes",
    why="Largest body of an ordinary route, packed or unpacked; routes that take more say so.",
)
_CHUNK = 64 * 1024


class UnsupportedBody(ControlPlaneError):
    code = "UNSUPPORTED_MEDIA_TYPE"


class LengthRequired(ControlPlaneError):
    code = "LENGTH_REQUIRED"


def read(request: HttpRequest, max_body: int, *, max_unpacked: int | None = None) -> bytes:
    """The body, unpacked, read once and kept on the request."""
    kept: bytes | None = getattr(request, "portal_body", None)
    if kept is None:
        raw = _raw(request, max_body)
        kept = _unpacked(request, raw, max_unpacked or max_body)
        request.portal_body = kept  # type: ignore[attr-defined]
    return kept


def read_json(request: HttpRequest, max_body: int) -> Any:
    """The strictly parsed JSON body; an empty body is an empty object.

    In a plain view, fields that name the sender must name whom the credentials prove; DRF views
    ask that themselves.
    """
    body = read(request, max_body)
    if not body:
        return {}
    check_json(request.META.get("CONTENT_TYPE", ""))
    value = strictjson.loads(body, max_bytes=max(len(body), 1))
    claimed = getattr(request, "portal_sender_fields", ())
    if claimed:
        claims_match(request.actor, value, names=claimed)  # type: ignore[attr-defined]
    return value


def check_json(content_type: str) -> None:
    """Only `application/json`, and only in UTF-8."""
    media, _, rest = content_type.partition(";")
    if media.strip().lower() != "application/json":
        raise UnsupportedBody("Send application/json.", details={"content_type": media[:100]})
    for parameter in filter(None, (part.strip().lower() for part in rest.split(";"))):
        name, _, value = parameter.partition("=")
        if name == "charset" and value.strip('"') not in {"utf-8", "utf8"}:
            raise UnsupportedBody("JSON is sent in UTF-8.")


def _raw(request: HttpRequest, max_body: int) -> bytes:
    if hasattr(request, "_body"):  # something before us read it
        return _within(request.body, max_body)
    meta = request.META
    chunked = "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower()
    source: Any = request
    if chunked and "wsgi.input" in meta:
        if not meta.get("wsgi.input_terminated"):
            # Without that promise of the server, reading to the end may wait for ever.
            raise LengthRequired("Send a Content-Length instead of chunks.")
        source = meta["wsgi.input"]
    elif not chunked:
        length = _length(meta.get("CONTENT_LENGTH"))
        if length > max_body:
            raise _too_large(max_body)
        if length == 0:
            return b""
    body = _drain(source, max_body)
    request._body = body
    request._read_started = True  # type: ignore[attr-defined]
    return body


def _length(value: Any) -> int:
    text = str(value or "0")
    if not (text.isascii() and text.isdigit()):
        raise Invalid("Content-Length is not a number.")
    return int(text[:18])


def _drain(source: Any, max_body: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        while size <= max_body:
            part = source.read(min(_CHUNK, max_body + 1 - size))
            if not part:
                break
            parts.append(part)
            size += len(part)
    except OSError:
        raise Invalid("The body ended early.") from None
    return _within(b"".join(parts), max_body)


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> TooLarge:
    return TooLarge("The body is larger than this route accepts.", details={"max_bytes": limit})


def _unpacked(request: HttpRequest, raw: bytes, limit: int) -> bytes:
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding in {"", "identity"}:
        return raw
    if encoding not in {"gzip", "x-gzip"}:
        raise UnsupportedBody("Send the body plain or as gzip.")
    return _gunzip(raw, limit)


def _gunzip(raw: bytes, limit: int) -> bytes:
    """Unpacked no further than the limit: a bomb costs its limit, not its promise."""
    parts: list[bytes] = []
    room = limit + 1
    rest = raw
    try:
        while rest:
            stream = zlib.decompressobj(wbits=31)
            part = stream.decompress(rest, room)
            parts.append(part)
            room -= len(part)
            if room <= 0:
                raise _too_large(limit)
            if not stream.eof:
                raise Invalid("The gzip body ends early.")
            rest = stream.unused_data
    except zlib.error:
        raise Invalid("The body is not gzip.") from None
    return b"".join(parts)


def stream(request: HttpRequest, max_body: int) -> tuple[Any, int | None]:
    """A body that is read as it comes, for files: something to read from, and how long its sender
    says it is; None for chunks. What says too much is refused before anything is read."""
    meta = request.META
    if meta.get("HTTP_CONTENT_ENCODING", "").strip().lower() not in {"", "identity"}:
        raise UnsupportedBody("Send a file plain: its hash is that of the bytes that are sent.")
    chunked = "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower()
    if chunked and "wsgi.input" in meta:
        if not meta.get("wsgi.input_terminated"):
            raise LengthRequired("Send a Content-Length instead of chunks.")
        request._read_started = True  # type: ignore[attr-defined]
        return meta["wsgi.input"], None
    length = _length(meta.get("CONTENT_LENGTH"))
    if length > max_body:
        raise _too_large(max_body)
    return request, length
