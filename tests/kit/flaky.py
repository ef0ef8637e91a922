"""A proxy that loses things: in front of the portal, for clients that send again."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

WITHIN_S = 120


class Flaky:
    """Answers 503 in the portal's stead, or lets a request through and drops its answer, as often
    as it is told. While the portal is away it says 503 twice, and then waits for it: starting it
    may take longer than exporters have patience. Bodies in chunks stay chunked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.refused = self.lost = 0
        self.chunked = False
        self._to_refuse = self._to_lose = 0
        self._away = 0  # how often it may still say so
        self._back = threading.Event()
        self._back.set()
        self._change = threading.Condition()
        flaky = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                flaky._pass(self)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def refuse(self, times: int) -> None:
        self._to_refuse += times

    def lose(self, times: int) -> None:
        self._to_lose += times

    def wait_until_done(self) -> None:
        """All that was to be refused or lost has been."""
        with self._change:
            assert self._change.wait_for(lambda: not self._to_refuse + self._to_lose, WITHIN_S)

    def gone(self) -> None:
        """The portal is about to be stopped."""
        self._away = 2
        self._back.clear()

    def back(self) -> None:
        self._back.set()

    def wait_until_asked(self) -> None:
        """The portal was asked for while it was away."""
        with self._change:
            assert self._change.wait_for(lambda: not self._away, WITHIN_S)

    def _pass(self, handler: BaseHTTPRequestHandler) -> None:
        body = _body(handler)
        with self._change:
            refuse = self._refuses()
        if refuse:
            _send(handler, 503, {"Retry-After": "1"}, b"")
            return
        assert self._back.wait(WITHIN_S)
        answer = self._asked(handler, body)
        with self._change:
            lose, self._to_lose = bool(self._to_lose), max(self._to_lose - 1, 0)
            self.lost += lose
            self._change.notify_all()
        if lose:
            _send(handler, 503, {"Retry-After": "1"}, b"")
        else:
            _send(handler, *answer)

    def _refuses(self) -> bool:
        if self._to_refuse:
            self._to_refuse -= 1
        elif self._away and not self._back.is_set():
            self._away -= 1
        else:
            return False
        self.refused += 1
        self._change.notify_all()
        return True

    def _asked(
        self, handler: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """What the portal says."""
        chunked = "chunked" in handler.headers.get("Transfer-Encoding", "")
        self.chunked = self.chunked or chunked
        names = ("Authorization", "Content-Type", "Content-Encoding")
        headers = {name: handler.headers[name] for name in names if handler.headers[name]}
        portal = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN_S)
        try:
            sent: Any = iter([body[:100], body[100:]]) if chunked else body
            portal.request("POST", handler.path, sent, headers, encode_chunked=chunked)
            answer = portal.getresponse()
            kept = {
                name: value
                for name, value in answer.getheaders()
                if name.lower() in {"content-type", "retry-after"}
            }
            return answer.status, kept, answer.read()
        finally:
            portal.close()


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    if "chunked" not in handler.headers.get("Transfer-Encoding", ""):
        return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    parts = []
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)


def _send(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes
) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
