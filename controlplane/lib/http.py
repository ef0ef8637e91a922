"""Outgoing HTTP that a stranger's URL can't turn against our own network.

The host is resolved once, every address it names is vetted, and the connection goes to a vetted
address: a second look-up (DNS rebinding) has nothing to decide. TLS still verifies the host's name.
Redirects are returned, never followed. Every wait and every size has a bound, and the whole call
has one deadline, so that a server which drips a byte a second can't hold a worker.
"""

from __future__ import annotations

import http.client
import io
import json as jsonlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from django.conf import settings

from controlplane.lib import addresses, clock, context, strictjson
from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid, Unavailable
from controlplane.lib.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign, verify

__all__ = [
    "SIGNATURE_HEADER",
    "TIMESTAMP_HEADER",
    "Refused",
    "Response",
    "Unavailable",
    "check_url",
    "request",
    "sign",
    "verify",
]

CONNECT_S = define(
    "http.connect_seconds", 4.0, unit="s", why="A receiver that is up answers sooner."
)
TOTAL_S = define(
    "http.total_seconds",
    15.0,
    unit="s",
    why="Half of the outbox lease: a slow receiver can't outlive it.",
)
MAX_ANSWER = define(
    "http.max_answer_bytes",
    1024 * 1024,
    unit="bytes",
    why="An endless answer must not fill memory.",
)
MAX_URL = 2048

Resolver = Callable[[str, int], Sequence[str]]


class Refused(Invalid):
    """The URL or the address behind it is not one that we call."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON, parsed as strictly as anything else from outside."""
        return strictjson.loads(self.body, max_bytes=len(self.body))


def request(
    method: str,
    url: str,
    *,
    json: Any = None,
    data: bytes | str | Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float | None = None,
    sign_with: bytes | None = None,
    allow: Sequence[str] = (),
    max_bytes: int | None = None,
    resolve: Resolver | None = None,
    tls: ssl.SSLContext | None = None,
) -> Response:
    """Make one call. `Refused` when it may not be made, `Unavailable` when it failed.

    `timeout` bounds the whole call in seconds. `allow` adds host names, addresses and networks to
    `settings.OUTGOING_ALLOW`.
    """
    deadline = time.monotonic() + (timeout or TOTAL_S.value)
    parts = check_url(url)
    body, content_type = _body(json, data)
    sent = _headers(headers or {}, content_type)
    if sign_with is not None:
        sent.update(sign(sign_with, body or b"", clock.now()))
    host, port = _host(parts), _port(parts)
    vetted = _vetted(host, port, [*settings.OUTGOING_ALLOW, *allow], resolve, deadline)
    connection = _Connection(host, port, vetted, deadline, _tls(parts, tls))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(_method(method), target, body=body, headers=sent)
        answer = connection.getresponse()
        return Response(
            answer.status, _lowered(answer), _read(answer, max_bytes or MAX_ANSWER.value)
        )
    except ssl.SSLCertVerificationError:
        raise Unavailable(f"The certificate of {host} could not be verified.") from None
    except TimeoutError:
        raise Unavailable(f"{host} did not answer in time.") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise Unavailable(f"The call to {host} failed.") from None
    finally:
        connection.hang_up()


# --- What may be called ------------------------------------------------------------------------


_FORBIDDEN_IN_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63})*")
_METHOD = re.compile(r"[A-Z]{3,10}")
# Protocols that read lines can be spoken to through an HTTP request's body.
_ODD_PORTS = frozenset({2375, 2376, 2379, 3306, 5432, 5672, 6379, 6380, 9042, 9200, 11211, 27017})


def check_url(url: str) -> SplitResult:
    """Read a URL and refuse every form that hides where it leads. Asks no name server, so it
    also serves a form where somebody types a webhook's address."""
    if len(url) > MAX_URL or _FORBIDDEN_IN_URL.search(url):
        raise Refused("The URL is too long or holds characters that no URL has.")
    try:
        url.encode("ascii")
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Refused("The URL is not well formed.") from None
    if parts.scheme not in {"http", "https"}:
        raise Refused("Only http and https are called.")
    if "@" in parts.netloc:
        raise Refused("A URL with a user name or password is not called.")
    if not parts.hostname or "%" in parts.netloc:
        raise Refused("The URL names no host.")
    return parts


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".").lower()
    if addresses.parse(host) is None and (len(host) > 253 or not _HOST.fullmatch(host)):
        raise Refused("The URL's host is not a host name.")
    return host


def _port(parts: SplitResult) -> int:
    port = parts.port if parts.port is not None else (443 if parts.scheme == "https" else 80)
    if not 0 < port < 65536:
        raise Refused("The URL's port is not a port.")
    return port


def _vetted(
    host: str, port: int, allow: Iterable[str], resolve: Resolver | None, deadline: float
) -> list[str]:
    """The addresses to connect to. One forbidden address among them refuses the name: which of
    them is used is not ours to choose."""
    permitted = addresses.AllowList(allow)
    found = _resolved(host, port, resolve or _look_up, deadline)
    if not found:
        raise Unavailable(f"{host} has no address.")
    for text in found:
        if not permitted.covers(host, text) and not addresses.is_public(text):
            raise Refused("The address is private or reserved, and not on the allow list.")
    if (port in _ODD_PORTS or (port < 1024 and port not in {80, 443})) and not permitted.covers(
        host, found[0]
    ):
        raise Refused("The port belongs to another protocol.")
    return found


def _resolved(host: str, port: int, resolve: Resolver, deadline: float) -> list[str]:
    if addresses.parse(host) is not None:
        return [host]
    result: list[str] = []
    # The C library's look-up knows no time-out, so it runs where we need not wait for its end.
    thread = threading.Thread(
        target=lambda: result.extend(_quietly(resolve, host, port)), daemon=True, name="resolve"
    )
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    if thread.is_alive():
        raise Unavailable(f"The name {host} could not be resolved in time.")
    return list(result)


def _quietly(resolve: Resolver, host: str, port: int) -> Sequence[str]:
    try:
        return resolve(host, port)
    except (OSError, UnicodeError):
        return []


def _look_up(host: str, port: int) -> list[str]:
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


# --- What is sent ------------------------------------------------------------------------------

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]{0,8192}")
_OURS_ALONE = frozenset({"host", "content-length", "transfer-encoding", "connection", "te"})


def _method(method: str) -> str:
    if not _METHOD.fullmatch(method):
        raise Refused("The method is not one of HTTP.")
    return method


def _body(json: Any, data: bytes | str | Mapping[str, str] | None) -> tuple[bytes | None, str]:
    if json is not None:
        text = jsonlib.dumps(json, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode(), "application/json"
    if isinstance(data, Mapping):
        return urlencode(data).encode(), "application/x-www-form-urlencoded"
    if isinstance(data, str):
        return data.encode(), "text/plain; charset=utf-8"
    return data, "application/octet-stream" if data is not None else ""


def _headers(given: Mapping[str, str], content_type: str) -> dict[str, str]:
    sent = {"User-Agent": f"controlplane/{settings.VERSION}", "Accept-Encoding": "identity"}
    if content_type:
        sent["Content-Type"] = content_type
    sent.update(context.carried_headers())
    names = {name.lower(): name for name in sent}
    for name, value in given.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise Refused("A header holds characters that no header has.")
        if name.lower() in _OURS_ALONE:
            raise Refused(f"The header {name} is set by the client itself.")
        sent.pop(names.get(name.lower(), ""), None)
        sent[name] = value
    return sent


# --- The connection ----------------------------------------------------------------------------


class _Wire(io.RawIOBase):
    """A connected socket whose every read and write ends at the call's deadline."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket = connected
        self._deadline = deadline

    def _arm(self) -> None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        self._socket.settimeout(remaining)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._arm()
        return self._socket.recv_into(buffer)

    def sendall(self, data: bytes) -> None:
        self._arm()
        self._socket.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def hang_up(self) -> None:
        """Really close. `close` must not: http.client calls it as soon as it has seen headers
        that end the connection, when the rest of the body is still to be read."""
        self._socket.close()


class _Reader(io.RawIOBase):
    """What http.client reads from. Closing it leaves the wire to the connection."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._wire.readinto(buffer)


class _Connection(http.client.HTTPConnection):
    def __init__(
        self,
        host: str,
        port: int,
        addresses: Sequence[str],
        deadline: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(host, port)
        # http.client leaves the port out of `Host` only where it is the scheme's own.
        self.default_port = 443 if tls is not None else 80
        self._addresses = addresses
        self._deadline = deadline
        self._tls = tls
        self._wire: _Wire | None = None

    def hang_up(self) -> None:
        self.close()
        if self._wire is not None:
            self._wire.hang_up()

    def connect(self) -> None:
        connected = self._connected()
        try:
            if self._tls is not None:
                connected.settimeout(self._remaining())
                connected = self._tls.wrap_socket(connected, server_hostname=self.host)
        except BaseException:
            connected.close()
            raise
        self.sock = self._wire = _Wire(connected, self._deadline)

    def _connected(self) -> socket.socket:
        """The first vetted address that answers."""
        failure: OSError = OSError("no address")
        for address in self._addresses:
            seconds = min(CONNECT_S.value, self._remaining())
            try:
                return socket.create_connection((address, self.port), timeout=seconds)
            except OSError as error:
                failure = error
        raise failure

    def _remaining(self) -> float:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


def _tls(parts: SplitResult, given: ssl.SSLContext | None) -> ssl.SSLContext | None:
    if parts.scheme != "https":
        return None
    return given or ssl.create_default_context()


def _lowered(answer: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.getheaders()}


def _read(answer: http.client.HTTPResponse, max_bytes: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := answer.read(min(65_536, max_bytes + 1 - size)):
        pieces.append(piece)
        size += len(piece)
        if size > max_bytes:
            raise Unavailable("The answer is larger than we read.")
    return b"".join(pieces)
