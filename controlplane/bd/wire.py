"""One HTTP/1.1 request over TCP, TLS or a Unix socket. `http.client` would cost more time at
start than a whole answer takes."""

from __future__ import annotations

import os
import socket
import time

from controlplane.bd import VERSION
from controlplane.bd.connection import START, Target
from controlplane.bd.errors import Refused, Trouble, Unreachable

CONNECT_WITHIN = 5.0
ANSWER_WITHIN = 60.0
LONGEST_ANSWER = 512 * 1024 * 1024
_LONGEST_HEAD = 65_536
_COMES_BACK = 10
_SOMETHING = "Some values are not valid."
_UNKNOWN = "whether it was done is not known: look before you try again"
TYPE_CHECKING = False  # `typing` itself would cost more than this module
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Broken(Exception):
    """The connection ended before the answer did: nobody knows whether it was done."""


class Answer:
    """Status and headers are there; the body comes piece by piece."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        head = stream.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        words = head[0].split(None, 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdecimal():
            raise Broken("that is no HTTP server")
        self.status = int(words[1])
        pairs = (line.partition(":") for line in head[1:])
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self._whole: bytes | None = None

    def pieces(self) -> Iterator[bytes]:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            yield from self._chunks()
            return
        length = self.headers.get("content-length", "")
        if not length.isdecimal():
            yield from iter(lambda: self._stream.some(), b"")
            return
        left = int(length)
        while left:
            piece = self._stream.some(left)
            if not piece:
                raise Broken("the answer is torn off")
            left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while True:
            line = self._stream.until(b"\r\n").split(b";")[0].strip()
            try:
                left = int(line, 16)
            except ValueError:
                raise Broken("the answer is garbled") from None
            if not left:
                return
            while left:
                piece = self._stream.some(left)
                if not piece:
                    raise Broken("the answer is torn off")
                left -= len(piece)
                yield piece
            self._stream.until(b"\r\n")

    def body(self) -> bytes:
        if self._whole is None:
            self._whole = self._read()
        return self._whole

    def _read(self) -> bytes:
        parts = []
        size = 0
        for piece in self.pieces():
            size += len(piece)
            if size > LONGEST_ANSWER:
                raise Trouble("the portal's answer is too long")
            parts.append(piece)
        return b"".join(parts)

    def close(self) -> None:
        self._stream.close()


class _Stream:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""

    def until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            if len(self._buffer) > _LONGEST_HEAD:
                raise Broken("the answer is garbled")
            more = self._receive()
            if not more:
                raise Broken("the connection was closed without an answer")
            self._buffer += more
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def some(self, most: int = 65_536) -> bytes:
        if not self._buffer:
            return self._receive(min(most, 65_536))
        found, self._buffer = self._buffer[:most], self._buffer[most:]
        return found

    def _receive(self, most: int = 65_536) -> bytes:
        return self._connection.recv(most)

    def close(self) -> None:
        self._connection.close()


class Address:
    """The parts of a URL. `unix:///path/to/socket` speaks to a socket on this machine."""

    def __init__(self, url: str) -> None:
        scheme, separator, rest = url.partition("://")
        self.scheme = scheme.lower()
        if not separator or self.scheme not in ("http", "https", "unix"):
            raise Trouble(f"CONTROLPLANE_URL is no http, https or unix address: {url[:80]!r}")
        self.socket = rest if self.scheme == "unix" else ""
        place, _, prefix = rest.partition("/")
        self.prefix = f"/{prefix}".rstrip("/") if self.scheme != "unix" else ""
        if "@" in place or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
            raise Trouble("CONTROLPLANE_URL holds what no address holds")
        self.place = "localhost" if self.scheme == "unix" else place
        host, colon, port = place.rpartition(":")
        if not colon or port.endswith("]"):
            host, port = place, "443" if self.scheme == "https" else "80"
        self.host = host.strip("[]")
        if self.scheme != "unix" and (not self.host or not port.isdecimal()):
            raise Trouble(f"CONTROLPLANE_URL names no host and port: {url[:80]!r}")
        self.port = int(port) if port.isdecimal() else 0


def request(
    target: Target,
    method: str,
    path: str,
    *,
    body: bytes = b"",
    kind: str = "application/json",
    packed: bool = False,
    key: str = "",
    safe: bool = False,
    stream: bool = False,
) -> Answer:
    """Ask. A connection that broke is tried once more: reading harms nothing, and a writing
    carries a key under which the portal does it once."""
    address = Address(target.url)
    lines = [
        f"{method} {address.prefix}{path} HTTP/1.1",
        f"Host: {address.place}",
        f"Authorization: Bearer {_plain(target.key)}",
        f"User-Agent: bd/{VERSION}",
        "Accept: application/json, application/x-ndjson",
        "Connection: close",
    ]
    if target.workspace:
        lines.append(f"X-Workspace: {_plain(target.workspace)}")
    if key:
        lines.append(f"Idempotency-Key: {key}")
    if method != "GET":
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        lines += ["Content-Encoding: gzip"] if packed else []
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    safe = safe or method == "GET"
    for attempt in (1, 2):
        try:
            answer = _once(target, address, head + body, stream=stream)
            return _awaited(answer, target, address, head + body) if key else answer
        except (Broken, ConnectionResetError, BrokenPipeError) as error:
            if attempt == 2 or not (safe or key):
                raise Unreachable(
                    f"the connection to the portal at {target.url} broke: {_why(error)}",
                    hint="" if safe else _UNKNOWN,
                ) from None
        except TimeoutError:
            raise Unreachable(
                f"the portal at {target.url} does not answer in time",
                hint="`python3 manage.py doctor` looks for the cause",
            ) from None
    raise AssertionError("two attempts, each of which ends")


def _awaited(answer: Answer, target: Target, address: Address, data: bytes) -> Answer:
    """The first of two sendings may still be at work: then the portal says when to come back for
    what it answered."""
    for _ in range(_COMES_BACK):
        pause = answer.headers.get("retry-after", "")
        if answer.status != 409 or not pause.isdecimal():
            break
        time.sleep(min(int(pause), 3))
        answer = _once(target, address, data, stream=False)
    return answer


def _once(target: Target, address: Address, data: bytes, *, stream: bool) -> Answer:
    connection = _connect(target, address)
    try:
        connection.settimeout(_patience())
        _send(connection, data)
        answer = Answer(_Stream(connection))
        if not stream or answer.status != 200:
            answer.body()
            answer.close()
        return answer
    except BaseException:
        connection.close()
        raise


def _send(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        # It may have refused a long body and said why before closing: read on.
        return


def _patience() -> float:
    said = os.environ.get("CONTROLPLANE_TIMEOUT", "")
    return float(said) if said.isdecimal() and int(said) else ANSWER_WITHIN


def _connect(target: Target, address: Address) -> socket.socket:
    try:
        if address.socket:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(CONNECT_WITHIN)
            connection.connect(address.socket)
            return connection
        # As bytes, for a text would first load the tables of international names.
        plain = address.host.encode() if address.host.isascii() else address.host
        place: Any = (plain, address.port)
        connection = socket.create_connection(place, CONNECT_WITHIN)
    except (ConnectionResetError, TimeoutError):
        raise
    except OSError as error:
        raise Unreachable(
            f"the portal at {target.url} can't be reached: {_why(error)}", hint=START
        ) from None
    if address.scheme != "https":
        return connection
    return _secured(connection, target, address)


def _secured(connection: socket.socket, target: Target, address: Address) -> socket.socket:
    import ssl

    try:
        context = ssl.create_default_context()
        if target.authority:
            context.load_verify_locations(target.authority)
        return context.wrap_socket(connection, server_hostname=address.host)
    except ssl.SSLCertVerificationError as error:
        connection.close()
        raise Unreachable(
            f"the certificate of {target.url} is not to be trusted: {error.verify_message}",
            hint="CONTROLPLANE_CA_FILE names the authority of a private one",
        ) from None
    except (ssl.SSLError, FileNotFoundError) as error:
        connection.close()
        raise Unreachable(f"no secure connection to {target.url}: {_why(error)}") from None


def _why(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _plain(text: str) -> str:
    """Never a second header by way of a value."""
    if not text.isascii() or not text.isprintable():
        raise Trouble("a key or a workspace's name holds letters that none has")
    return text


# --- What it said -----------------------------------------------------------------------------


def refusal(answer: Answer, url: str) -> Exception:
    """The portal's error as one clear sentence."""
    import json

    try:
        said = json.loads(answer.body())["error"]
        code, message = str(said["code"]), _with_details(said)
        number = str(said.get("request_id") or "")
    except (ValueError, KeyError, TypeError, Broken, OSError):
        return _strange(answer.status, url)
    if answer.status == 401:
        return Trouble(
            f"the portal at {url} does not know this key: {message}",
            hint="CONTROLPLANE_API_KEY is wrong, ended or revoked",
        )
    if answer.status == 503 or answer.status >= 500:
        tail = f" (request {number})" if number else ""
        return Unreachable(f"the portal at {url} can't do this now: {message}{tail}")
    if answer.status == 429:
        return Unreachable(f"the portal at {url} asks to slow down: {message}")
    return Refused(answer.status, code, message, request_id=number)


def _with_details(said: dict[str, object]) -> str:
    """The sentence; where it only says that something is wrong, also what."""
    message, details = str(said["message"]), said.get("details")
    if message != _SOMETHING or not isinstance(details, dict) or not details:
        return message
    named = [f"{name}: {_first(text)}" for name, text in details.items()]
    return "; ".join(named)


def _first(text: object) -> str:
    return str(text[0] if isinstance(text, list) and text else text)


def _strange(status: int, url: str) -> Exception:
    if status in (502, 503, 504):
        return Unreachable(f"the portal at {url} is not ready (status {status})", hint=START)
    return Unreachable(
        f"{url} answers with status {status} and not as the portal does",
        hint="is CONTROLPLANE_URL the address of the portal?",
    )
