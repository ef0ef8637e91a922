"""Pages and streams at one address, as the proxy of an installation has them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class _Handler(BaseHTTPRequestHandler):
    pages = streams = ""

    def do_GET(self) -> None:
        behind = self.streams if self.path.startswith("/stream/") else self.pages
        asked = HTTPConnection(urlsplit(behind).netloc, timeout=60)
        try:
            headers = {**self.headers, "Host": self.headers["Host"], "Connection": "close"}
            asked.request("GET", self.path, headers=headers)
            answer = asked.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"transfer-encoding", "connection", "server", "date"}:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            while piece := answer.read1(65_536):
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:
            self.close_connection = True  # whoever asked has gone
        finally:
            asked.close()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the processes behind say what they are asked."""


@contextmanager
def fronted(pages: str, streams: str) -> Iterator[str]:
    handler = type("Handler", (_Handler,), {"pages": pages, "streams": streams})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
