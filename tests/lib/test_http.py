"""Outgoing calls against real servers on the loopback: refused, bounded, sent, signed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from controlplane.lib import addresses, context, http

LOCAL = ["127.0.0.1"]
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Server:
    """Accepts connections and lets a function speak on each; keeps what was received."""

    def __init__(self, speak: Callable[[socket.socket], None]) -> None:
        self._speak = speak
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.received = b""
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?x=1"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with closing(connection):
                connection.settimeout(5)
                try:
                    self.received += self._request(connection)
                    self._speak(connection)
                except OSError:
                    continue

    def _request(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (
                int(v)
                for k, _, v in (h.partition(b":") for h in head.split(b"\r\n"))
                if k.lower() == b"content-length"
            ),
            0,
        )
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        self.stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@contextmanager
def serving(speak: Callable[[socket.socket], None]) -> Iterator[Server]:
    server = Server(speak)
    try:
        yield server
    finally:
        server.close()


def answer(
    body: bytes = b'{"ok":true}', status: str = "200 OK", extra: str = ""
) -> Callable[[socket.socket], None]:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode()
    return lambda connection: connection.sendall(head + body)


def test_private_address__refused_unless_allowed() -> None:
    with serving(answer()) as server:
        with pytest.raises(http.Refused):
            http.request("GET", server.url)
        assert server.received == b""
        response = http.request("GET", server.url, allow=LOCAL)
    assert (response.status, response.json(), response.ok) == (200, {"ok": True}, True)


def test_allow_list__of_the_installation(settings: object) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.0/8"]  # type: ignore[attr-defined]
    with serving(answer()) as server:
        assert http.request("GET", server.url).status == 200


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "192.0.0.1",
        "198.18.0.1",
        "203.0.113.7",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:1::1",
        "fec0::1",
        "2001:db8::1",
        "192.88.99.1",
        "not an address",
    ],
)
def test_address__that_is_not_public(address: str) -> None:
    assert not addresses.is_public(address)
    with pytest.raises(http.Refused):
        http.request("GET", "http://name.example/", resolve=lambda host, port: [address])


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07::1"])
def test_address__that_is_public(address: str) -> None:
    assert addresses.is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "file:///etc/passwd",
        "gopher://a.example/",
        "//a.example/",
        "http://",
        "http:///x",
        "http://user:pw@a.example/",
        "http://user@a.example/",
        "http://a.example\\@b.example/",
        "http://a b/",
        "http://a.example/\r\nX: y",
        "http://a.example/\x00",
        "http://a.example:99999/",
        "http://a.example:x/",
        "http://a.example:0/",
        "http://[fe80::1%25eth0]/",
        "http://ä.example/",
        "http://a..b/",
        "http://-/\t",
        "http://" + "a" * 3000,
        "http://[::1",
        "javascript:alert(1)",
        "",
        "http://a%2eexample/",
    ],
)
def test_url__that_hides_where_it_leads(url: str) -> None:
    with pytest.raises(http.Refused):
        http.request("GET", url, resolve=lambda host, port: ["8.8.8.8"])


@pytest.mark.parametrize("port", [22, 25, 5432, 6379, 11211, 2375])
def test_port__of_another_protocol(port: int) -> None:
    with pytest.raises(http.Refused):
        http.request("POST", f"http://a.example:{port}/", resolve=lambda host, port: ["8.8.8.8"])


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "localhost", "LOCALHOST."]
)
def test_host__another_spelling_of_the_loopback(host: str) -> None:
    with pytest.raises((http.Refused, http.Unavailable)):
        http.request("GET", f"http://{host}:8000/")


def test_name__one_private_address_among_public_ones_refuses_it() -> None:
    with pytest.raises(http.Refused):
        http.request("GET", "http://a.example/", resolve=lambda h, p: ["8.8.8.8", "10.0.0.1"])


def test_rebinding__the_name_is_asked_once_and_the_vetted_address_is_called() -> None:
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    with serving(answer()) as server:
        url = f"http://rebind.example:{server.port}/"
        assert http.request("GET", url, resolve=rebinding, allow=LOCAL).status == 200
        assert f"Host: rebind.example:{server.port}".encode() in server.received
    assert asked == ["rebind.example"]
    with pytest.raises(http.Refused):
        http.request("GET", url, resolve=rebinding, allow=LOCAL)


def test_redirect__is_an_answer_and_is_not_followed() -> None:
    extra = "Location: http://169.254.169.254/latest/meta-data/\r\n"
    with serving(answer(b"", "302 Found", extra)) as server:
        response = http.request("GET", server.url, allow=LOCAL)
    assert response.status == 302
    assert response.headers["location"].startswith("http://169.254")


def test_second_address__is_tried_when_the_first_is_deaf() -> None:
    with serving(answer()) as server:
        url = f"http://two.example:{server.port}/"
        allow = ["127.0.0.0/8"]
        found = ["127.0.0.9", "127.0.0.1"]
        assert http.request("GET", url, resolve=lambda h, p: found, allow=allow).status == 200


def test_silent_server__ends_at_the_deadline() -> None:
    def listen(connection: socket.socket) -> None:
        connection.recv(1)

    with serving(listen) as server, pytest.raises(http.Unavailable):
        http.request("GET", server.url, allow=LOCAL, timeout=0.2)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"])
def test_dripping_server__does_not_outlive_the_deadline(start: bytes) -> None:
    """A byte now and then resets a socket's time-out for ever; the deadline it does not move."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(start)
        while not server.stopped.wait(0.02):
            connection.sendall(b"H")

    with serving(drip) as server:
        began = time.monotonic()
        with pytest.raises(http.Unavailable):
            http.request("GET", server.url, allow=LOCAL, timeout=0.3)
        assert time.monotonic() - began < 5


def test_slow_name_server__does_not_outlive_the_deadline() -> None:
    release = threading.Event()

    def slow(host: str, port: int) -> list[str]:
        release.wait(20)
        return ["127.0.0.1"]

    try:
        with pytest.raises(http.Unavailable):
            http.request("GET", "http://slow.example/", resolve=slow, timeout=0.2)
    finally:
        release.set()


@pytest.mark.parametrize(
    "head", ["Content-Length: 50000000", "Connection: close", "Transfer-Encoding: chunked"]
)
def test_endless_body__is_not_read_to_its_end(head: str) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
        chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n" if "chunked" in head else b"x" * 4096
        for _ in range(10_000):
            connection.sendall(chunk)

    with serving(flood) as server, pytest.raises(http.Unavailable):
        http.request("GET", server.url, allow=LOCAL, max_bytes=100_000)


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\n" + b"A: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/9.9 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_broken_answer__is_unavailable(raw: bytes) -> None:
    with (
        serving(lambda connection: connection.sendall(raw)) as server,
        pytest.raises(http.Unavailable) as caught,
    ):
        http.request("GET", server.url + "&access_token=abc", allow=LOCAL)
    assert "access_token" not in caught.value.message


def test_what_is_sent__ids_body_and_signature() -> None:
    with serving(answer()) as server, context.bind(request_id="req_1", correlation_id="cor_1"):
        http.request(
            "POST",
            server.url,
            json={"a": "é"},
            sign_with=b"k",
            allow=LOCAL,
            headers={"Idempotency-Key": "7", "content-type": "application/x"},
        )
    head, _, body = server.received.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /hook?x=1 HTTP/1.1"
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert body == '{"a":"é"}'.encode()
    assert headers["X-Request-ID"] == "req_1"
    assert headers["X-Correlation-ID"] == "cor_1"
    assert headers["Idempotency-Key"] == "7"
    assert headers["content-type"] == "application/x"
    assert "Content-Type" not in headers
    assert http.verify(b"k", body, headers)
    assert not http.verify(b"other", body, headers)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", "a\r\nEvil: 1"),
        ("X\n", "a"),
        ("X y", "a"),
        ("X", "a\x00"),
        ("X", "é"),
        ("Host", "evil"),
        ("Content-Length", "0"),
        ("transfer-encoding", "chunked"),
    ],
)
def test_header__injection_is_refused_before_anything_is_sent(name: str, value: str) -> None:
    with serving(answer()) as server:
        with pytest.raises(http.Refused):
            http.request("GET", server.url, headers={name: value}, allow=LOCAL)
        assert server.received == b""


def test_method__injection_is_refused() -> None:
    with pytest.raises(http.Refused):
        http.request("GET / HTTP/1.1\r\nX: y", "http://127.0.0.1:9/", allow=LOCAL)


def test_signature__body_time_and_secret_all_count() -> None:
    signed = http.sign(b"secret", b"body", NOW)
    late, early = NOW + timedelta(seconds=299), NOW - timedelta(seconds=299)
    assert http.verify(b"secret", b"body", signed, late)
    assert http.verify(b"secret", b"body", {k.lower(): v for k, v in signed.items()}, early)
    assert not http.verify(b"secret", b"body", signed, NOW + timedelta(seconds=301))
    assert not http.verify(b"secret", b"body", signed, NOW - timedelta(seconds=301))
    assert not http.verify(b"secret", b"bodyx", signed, NOW)
    assert not http.verify(b"secre", b"body", signed, NOW)
    moved = {**signed, http.TIMESTAMP_HEADER: str(int(NOW.timestamp()) + 1)}
    assert not http.verify(b"secret", b"body", moved, NOW)
    assert not http.verify(b"secret", b"body", {}, NOW)
    assert not http.verify(b"secret", b"body", {**signed, http.TIMESTAMP_HEADER: "١٢"}, NOW)


def test_signature__two_stand_side_by_side_while_a_secret_is_rotated() -> None:
    old, new = (http.sign(key, b"b", NOW) for key in (b"old", b"new"))
    both = {**new, http.SIGNATURE_HEADER: ", ".join(s[http.SIGNATURE_HEADER] for s in (old, new))}
    assert http.verify(b"old", b"b", both, NOW)
    assert http.verify(b"new", b"b", both, NOW)


def test_allow_list__names_suffixes_and_networks() -> None:
    allowed = addresses.AllowList(
        ["Hook.Internal", "*.corp.example", "10.1.0.0/16", "fd00::/8", ""]
    )
    assert allowed.covers("hook.internal", "10.9.9.9")
    assert allowed.covers("a.corp.example", "10.9.9.9")
    assert not allowed.covers("corp.example", "10.9.9.9")
    assert not allowed.covers("evilcorp.example", "10.9.9.9")
    assert allowed.covers("any.example", "10.1.2.3")
    assert allowed.covers("any.example", "fd12::1")
    assert not allowed.covers("any.example", "10.2.0.1")
