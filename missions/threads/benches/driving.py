"""The clients: one connection each, kept open, and no more work than the wire asks for, so that
their own cost stays small beside the server's."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from missions.threads.benches.crowd import Speaker
from missions.threads.benches.serving import Cpu, Server

OURS = "/api/v1/threads/{thread}/messages"
PLAIN = "/plain/threads/{thread}/messages"
BODY = "The second call reads what the first has freed. " * 10 + "It leaks then."
_numbers = count(1)


class Link:
    """HTTP/1.1 by hand, over one connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: socket.socket | None = None
        self.rest = b""

    def ask(self, method: str, path: str, key: str, body: bytes = b"") -> tuple[int, bytes]:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._open().sendall(head.encode() + body)
        while (end := self.rest.find(b"\r\n\r\n")) < 0:
            self._more()
        heading = self.rest[:end].lower()
        length = int(heading.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        while len(self.rest) < end + 4 + length:
            self._more()
        found = self.rest[end + 4 : end + 4 + length]
        self.rest = self.rest[end + 4 + length :]
        return int(heading[9:12]), found

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket, self.rest = None, b""

    def _open(self) -> socket.socket:
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.socket

    def _more(self) -> None:
        part = self._open().recv(65_536)
        if not part:
            raise ConnectionError("the server closed the connection")
        self.rest += part


@dataclass(slots=True)
class Heard:
    """What clients heard, in milliseconds, and what failed, by status."""

    post: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    visible: list[float] = field(default_factory=list)
    failed_posts: list[int] = field(default_factory=list)
    failed_reads: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: Heard) -> None:
        for name in ("post", "read", "visible", "failed_posts", "failed_reads"):
            getattr(self, name).extend(getattr(other, name))
        self.seconds += other.seconds

    @property
    def posts_per_second(self) -> float:
        return len(self.post) / self.seconds if self.seconds else 0.0

    @property
    def errors(self) -> int:
        return len(self.failed_posts) + len(self.failed_reads)


class Client:
    def __init__(self, port: int, path: str, speaker: Speaker) -> None:
        self.writer, self.reader, self.speaker = Link(port), Link(port), speaker
        self.path = path.format(thread=speaker.thread)
        self.heard = Heard()

    def post(self) -> int | None:
        """The number that the message got."""
        body = {
            "schema_version": 1, "kind": "chat", "body": BODY,
            "metadata": {"file": "pool.py", "line": 12},
            "idempotency_key": f"bench-{next(_numbers)}",
        }  # fmt: skip
        began = time.perf_counter()
        status, answer = self._say(body)
        if status not in {200, 201}:
            self.heard.failed_posts.append(status)
            return None
        self.heard.post.append((time.perf_counter() - began) * 1_000)
        return int(json.loads(answer)["seq"])

    def post_and_read(self) -> None:
        """Say something, and have the other one look until it is there."""
        began = time.perf_counter()
        seq = self.post()
        while seq is not None:
            asked = time.perf_counter()
            status, answer = self._look(1, after=seq - 1)
            if status != 200:
                self.heard.failed_reads.append(status)
                return
            now = time.perf_counter()
            self.heard.read.append((now - asked) * 1_000)
            if any(each["seq"] == seq for each in json.loads(answer)["messages"]):
                self.heard.visible.append((now - began) * 1_000)
                return

    def read_many(self) -> None:
        asked = time.perf_counter()
        status, _ = self._look(50)
        if status == 200:
            self.heard.read.append((time.perf_counter() - asked) * 1_000)
        else:
            self.heard.failed_reads.append(status)

    def _say(self, body: dict[str, Any]) -> tuple[int, bytes]:
        return self.writer.ask("POST", self.path, self.speaker.key, json.dumps(body).encode())

    def _look(self, limit: int, after: int = 0) -> tuple[int, bytes]:
        path = f"{self.path}?since_seq={after}&limit={limit}"
        return self.reader.ask("GET", path, self.speaker.reader)

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


def drive(
    server: Server,
    path: str,
    speakers: Sequence[Speaker],
    work: Callable[[Client], Any],
    seconds: float,
    kind: Callable[[int, str, Speaker], Client] = Client,
) -> tuple[Heard, Cpu]:
    """All speakers at once, each over its own connections, for so long."""
    clients = [
        kind(server.port_of(number), path, speaker) for number, speaker in enumerate(speakers)
    ]
    ready, started = (threading.Barrier(len(clients) + 1) for _ in range(2))
    broken: list[BaseException] = []

    def run(client: Client) -> None:
        try:
            work(client)  # the connection, the plans of the server, the caches
            client.heard = Heard()
            ready.wait(60)
            started.wait(60)
            until = time.perf_counter() + seconds
            while time.perf_counter() < until:
                work(client)
        except BaseException as error:  # noqa: BLE001 - told by the one who waits
            broken.append(error)
            ready.abort()
            started.abort()
        finally:
            client.close()

    threads = [threading.Thread(target=run, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    try:
        ready.wait(60)
        before, began = server.cpu(), time.perf_counter()
        started.wait(60)
    except threading.BrokenBarrierError:
        before, began = server.cpu(), time.perf_counter()
    for thread in threads:
        thread.join()
    took, after = time.perf_counter() - began, server.cpu()
    if broken:
        raise RuntimeError("a client of the bench broke") from broken[0]
    total = Heard()
    for client in clients:
        total.add(client.heard)
    total.seconds = took
    return total, after.minus(before)
