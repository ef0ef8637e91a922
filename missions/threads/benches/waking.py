"""From a message to the moment when its sleeping reader's runtime has the call: over HTTP into the
web process, through a supervisor in a process of its own, to a receiver that checks the signature.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

from controlplane.base.bench import Row
from controlplane.lib.signatures import verify
from missions.threads import services
from missions.threads.benches.crowd import JOB, Crowd, Speaker
from missions.threads.benches.driving import OURS, Client, drive, now
from missions.threads.benches.report import percentile
from missions.threads.benches.serving import Server, process

WITHIN_S = 10.0
_SECRET = "what-the-bench-and-its-runtimes-share"  # noqa: S105 - opens nothing


class Receiver:
    """The runtimes of all sleepers. Says that it heard, so that nobody tries again."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}
        self._news = threading.Condition()
        self.url = ""

    def wait_for(self, thread: UUID, since: float) -> float | None:
        """Milliseconds until its wake came."""
        with self._news:
            there = self._news.wait_for(lambda: str(thread) in self.came, WITHIN_S)
            return (self.came[str(thread)] - since) * 1_000 if there else None

    def take(self, body: bytes) -> None:
        with self._news:
            self.came.setdefault(json.loads(body)["thread_id"], time.perf_counter())
            self._news.notify_all()


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            right = verify(_SECRET.encode(), body, dict(self.headers))
            if right:
                receiver.take(body)
            answer = b'{"acknowledged": true}' if right else b"{}"
            self.send_response(200 if right else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/wake"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Waking:
    def __init__(self, server: Server, crowd: Crowd, sleepers: int) -> None:
        self.server, self.crowd, self.sleepers = server, crowd, sleepers
        self.took: list[float] = []
        self.lost = 0
        self._after: list[float] = []  # of each, what came after the message was taken

    def measure(self) -> Iterator[Row]:
        with receiving() as receiver:
            count = 2 * self.sleepers + 1
            sleepers = [self._sleeper(number, receiver.url) for number in range(count)]
            with process("manage.py", "wake_supervisor"):
                first, quiet, busy = sleepers[0], sleepers[1::2], sleepers[2::2]
                if self._wake(first, receiver, 60) is None:
                    raise RuntimeError("the measured supervisor wakes nobody")
                self._after = []
                yield from self._told("1 client", [self._wake(each, receiver) for each in quiet])
                with self._everybody_writes():
                    took = [self._wake(each, receiver) for each in busy]
                yield from self._told(f"while {len(self.crowd.own)} clients write", took)

    def _sleeper(self, number: int, url: str) -> Speaker:
        agent = self.crowd.agent(f"sleeper-{number}", "reviewer")
        services.register_runtime(
            agent, f"session-{number}", actor=JOB, runtime="bench", adapter="webhook", target=url,
            secret=_SECRET,
        )  # fmt: skip
        thread = self.crowd.thread(f"Asleep {number}", (self.crowd.agents[0], agent))
        return Speaker(self.crowd.keys[0], "", thread)

    def _wake(self, sleeper: Speaker, receiver: Receiver, tries: int = 1) -> float | None:
        client = Client(self.server.port, OURS, sleeper)
        try:
            began = time.perf_counter()
            if now(client.post()) is None:
                raise RuntimeError(f"a message was not taken: {client.heard.failed_posts}")
            posting = (time.perf_counter() - began) * 1_000
            for _ in range(tries):
                took = receiver.wait_for(sleeper.thread, began)
                if took is not None:
                    self._after.append(max(0.0, took - posting))
                    return took
            return None
        finally:
            client.close()

    @contextmanager
    def _everybody_writes(self) -> Iterator[None]:
        """Until the block ends; then they finish what they began."""
        enough = threading.Event()
        writers = threading.Thread(target=self._write, args=(self.crowd.own[1:], enough))
        writers.start()
        try:
            yield
        finally:
            enough.set()
            writers.join()

    def _write(self, speakers: Sequence[Speaker], enough: threading.Event) -> None:
        while not enough.is_set():
            drive(self.server, OURS, speakers, Client.post, 0.5)

    def _told(self, name: str, took: Sequence[float | None]) -> Iterator[Row]:
        came = [each for each in took if each is not None]
        self.took += came
        self.lost += len(took) - len(came)
        for share in (0.5, 0.95):
            yield Row(
                f"message to wake p{share * 100:.0f}, {name}", percentile(came, share), "ms",
                note=f"{percentile(self._after, share):.0f} ms after the message was taken",
            )  # fmt: skip
        self._after = []
        yield Row(f"wakes lost, {name}", len(took) - len(came), f"of {len(took)}")
