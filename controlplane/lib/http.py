"""Outgoing HTTP that can't be turned against our own network.

A name is resolved once, every address it has is vetted, and the connection goes to a vetted
address (so a second DNS answer can't swap it); TLS still checks the name. No redirect is followed.
Sizes and times are bounded. Bodies are signed with HMAC-SHA256 over time stamp and body.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json as jsonlib
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from controlplane.lib import clock, context, strictjson
from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid, Unavailable

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
SIGNATURE_HEADER = "X-Controlplane-Signature"
TIMESTAMP_HEADER = "X-Controlplane-Timestamp"
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Invalid):
    """The address is not one we may call."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return strictjson.loads(self.body, max_bytes=MAX_ANSWER.value)


@dataclass(frozen=True, slots=True)
class _Target:
    scheme: str
    host: str
    port: int
    path: str


def check_url(url: str) -> _Target:
    """Read an address and refuse every form that hides where it leads."""
    if len(url) > 2000 or any(ord(char) <= 32 or ord(char) == 127 for char in url):
        raise Refused("The address holds blanks or control characters, or is too long.")
    try:
        parts: SplitResult = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused("This is not an address.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Refused("Only http and https addresses are called.")
    if parts.username is not None or parts.password is not None:
        raise Refused("An address must not carry a user name or password.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or not parts.hostname.isascii():
        raise Refused("Write the address in ASCII.")
    return _Target(
        parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), path
    )


def request(
    method: str,
    url: str,
    *,
    json: Any = None,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float | None = None,
    sign_with: bytes | None = None,
    allow: Sequence[str] = (),
) -> Response:
    """One call, one answer. Raises `Refused` for a forbidden address, `Unavailable` when nothing
    (or nothing in time) answered. A redirect is an answer like any other."""
    target = check_url(url)
    body = data if json is None else jsonlib.dumps(json, separators=(",", ":")).encode()
    sent = {"User-Agent": f"controlplane/{settings.VERSION}", **context.carried_headers()}
    if json is not None:
        sent["Content-Type"] = "application/json"
    if sign_with is not None:
        sent |= sign(sign_with, body or b"", clock.now())
    sent |= dict(headers or {})
    deadline = time.monotonic() + (timeout or TOTAL_S.value)
    connection = _connect(target, allow, deadline)
    try:
        return _exchange(connection, method, target, body, sent, deadline)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"{target.host} did not answer: {type(error).__name__}") from error
    finally:
        connection.close()


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    target: _Target,
    body: bytes | None,
    headers: Mapping[str, str],
    deadline: float,
) -> Response:
    connection.request(method, target.path, body=body, headers=dict(headers))
    answer = connection.getresponse()
    parts: list[bytes] = []
    room = MAX_ANSWER.value + 1
    while room > 0:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        if connection.sock is not None:
            connection.sock.settimeout(left)
        part = answer.read1(min(65_536, room))
        if not part:
            break
        parts.append(part)
        room -= len(part)
    if room <= 0:
        raise Unavailable(f"{target.host} answered with more than {MAX_ANSWER.value} bytes.")
    return Response(answer.status, dict(answer.getheaders()), b"".join(parts))


def _connect(target: _Target, allow: Sequence[str], deadline: float) -> http.client.HTTPConnection:
    """A connection to a vetted address that still speaks to, and checks, the name."""
    addresses = vetted(target.host, target.port, [*settings.OUTGOING_ALLOW, *allow])
    last: OSError | None = None
    for address in addresses:
        wait = max(0.1, min(CONNECT_S.value, deadline - time.monotonic()))
        try:
            sock = socket.create_connection((str(address), target.port), timeout=wait)
        except OSError as error:
            last = error
            continue
        return _wrap(target, sock, deadline)
    raise Unavailable(f"{target.host} can't be reached: {type(last).__name__}") from last


def _wrap(target: _Target, sock: socket.socket, deadline: float) -> http.client.HTTPConnection:
    left = max(0.1, deadline - time.monotonic())
    connection = http.client.HTTPConnection(target.host, target.port, timeout=left)
    try:
        sock.settimeout(left)
        if target.scheme == "https":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=target.host)
    except (OSError, ssl.SSLError) as error:
        sock.close()
        raise Unavailable(f"{target.host}: TLS failed: {type(error).__name__}") from error
    connection.sock = sock
    return connection


def resolve(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable(f"{host} has no address.") from error
    return [ipaddress.ip_address(str(entry[4][0]).split("%", 1)[0]) for entry in found]


def vetted(host: str, port: int, allow: Sequence[str]) -> list[Address]:
    """The host's addresses, all of them fit to be called: one bad among them refuses the host,
    for which of them is used is not ours to choose."""
    addresses = list(dict.fromkeys(resolve(host, port)))
    if host.lower() in {entry.lower() for entry in allow}:
        return addresses
    networks = _networks(allow)
    for address in addresses:
        if not is_public(address) and not any(address in network for network in networks):
            raise Refused(f"{host} leads into a private network.")
    return addresses


def _networks(
    allow: Sequence[str],
) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    networks = []
    for entry in allow:
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            continue  # a host name
    return networks


def is_public(address: Address) -> bool:
    """Everything that isn't plainly the public internet is refused, also when wrapped in IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def sign(secret: bytes, body: bytes, at: datetime) -> dict[str, str]:
    """Headers that prove who sent this body, and when."""
    stamp = str(int(at.timestamp()))
    return {TIMESTAMP_HEADER: stamp, SIGNATURE_HEADER: "v1=" + _digest(secret, stamp, body)}


def _digest(secret: bytes, stamp: str, body: bytes) -> str:
    return hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def verify(
    secret: bytes,
    body: bytes,
    headers: Mapping[str, str],
    now: datetime | None = None,
    tolerance: timedelta = timedelta(minutes=5),
) -> None:
    """Raise `Invalid` unless the body was signed with this secret lately."""
    given = {name.lower(): value for name, value in headers.items()}
    stamp = given.get(TIMESTAMP_HEADER.lower(), "")
    signature = given.get(SIGNATURE_HEADER.lower(), "")
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise Invalid("The signature's time stamp is missing.")
    if abs((now or clock.now()).timestamp() - int(stamp)) > tolerance.total_seconds():
        raise Invalid("The signature is too old.")
    if not hmac.compare_digest(signature.encode(), f"v1={_digest(secret, stamp, body)}".encode()):
        raise Invalid("The signature does not match.")
