"""The clients: connections of their own, kept open, and no more work than the wire asks for, so
that their own cost stays small beside the server's.

What a client does is a generator of what it asks, which is given the answers. One thread serves
them all: threads of their own would wait for each other, and that would be measured as the
server's time.
"""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple, TypeVar

from missions.threads.benches.crowd import Speaker
from missions.threads.benches.serving import Cpu, Server

OURS = "/api/v1/threads/{thread}/messages"
PLAIN = "/plain/threads/{thread}/messages"
BODY = "The second call reads what the first has freed. " * 10 + "It leaks then."
_numbers = count(1)
T = TypeVar("T")
Answer = tuple[int, bytes]
_PATIENCE_S = 60.0


class Link:
    """HTTP/1.1 by hand, over one connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: socket.socket | None = None
        self.rest = b""

    def ask(self, method: str, path: str, key: str, body: bytes = b"") -> Answer:
        self.send(method, path, key, body)
        while (found := self.answer()) is None:
            self.more()
        return found

    def send(self, method: str, path: str, key: str, body: bytes = b"") -> None:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.open().sendall(head.encode() + body)

    def answer(self) -> Answer | None:
        """Once all of it has come."""
        end = self.rest.find(b"\r\n\r\n")
        if end < 0:
            return None
        heading = self.rest[:end].lower()
        length = int(heading.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(self.rest) < end + 4 + length:
            return None
        found = self.rest[end + 4 : end + 4 + length]
        self.rest = self.rest[end + 4 + length :]
        return int(heading[9:12]), found

    def more(self) -> None:
        part = self.open().recv(65_536)
        if not part:
            raise ConnectionError("the server closed the connection")
        self.rest += part

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket, self.rest = None, b""

    def open(self) -> socket.socket:
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE_S)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.socket


class Ask(NamedTuple):
    link: Link
    method: str
    path: str
    key: str
    body: bytes = b""


Talk = Generator[Ask, Answer, T]


def now(talk: Talk[T]) -> T:
    """Alone, one answer after the other."""
    try:
        asked = next(talk)
        while True:
            asked = talk.send(asked.link.ask(*asked[1:]))
    except StopIteration as end:
        value: T = end.value
        return value


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

    def post(self) -> Talk[int | None]:
        """The number that the message got."""
        body = {
            "schema_version": 1, "kind": "chat", "body": BODY,
            "metadata": {"file": "pool.py", "line": 12},
            "idempotency_key": f"bench-{next(_numbers)}",
        }  # fmt: skip
        began = time.perf_counter()
        status, answer = yield self._say(body)
        if status not in {200, 201}:
            self.heard.failed_posts.append(status)
            return None
        self.heard.post.append((time.perf_counter() - began) * 1_000)
        return int(json.loads(answer)["seq"])

    def post_and_read(self) -> Talk[None]:
        """Say something, and have the other one look until it is there."""
        began = time.perf_counter()
        seq = yield from self.post()
        while seq is not None:
            asked = time.perf_counter()
            status, answer = yield self._look(1, after=seq - 1)
            if status != 200:
                self.heard.failed_reads.append(status)
                return
            now = time.perf_counter()
            self.heard.read.append((now - asked) * 1_000)
            if any(each["seq"] == seq for each in json.loads(answer)["messages"]):
                self.heard.visible.append((now - began) * 1_000)
                return

    def read_many(self) -> Talk[None]:
        asked = time.perf_counter()
        status, _ = yield self._look(50)
        if status == 200:
            self.heard.read.append((time.perf_counter() - asked) * 1_000)
        else:
            self.heard.failed_reads.append(status)

    def _say(self, body: dict[str, Any]) -> Ask:
        said = json.dumps(body).encode()
        return Ask(self.writer, "POST", self.path, self.speaker.key, said)

    def _look(self, limit: int, after: int = 0) -> Ask:
        path = f"{self.path}?since_seq={after}&limit={limit}"
        return Ask(self.reader, "GET", path, self.speaker.reader)

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


def drive(
    server: Server,
    path: str,
    speakers: Sequence[Speaker],
    work: Callable[[Client], Talk[Any]],
    seconds: float,
    kind: Callable[[int, str, Speaker], Client] = Client,
) -> tuple[Heard, Cpu]:
    """All speakers at once, each over its own connections, for so long."""
    with ExitStack() as stack:
        clients = [
            stack.enter_context(closing(kind(server.port_of(number), path, speaker)))
            for number, speaker in enumerate(speakers)
        ]
        for client in clients:  # the connections, the plans of the server, the caches
            now(work(client))
            client.heard = Heard()
        before, began = server.cpu(), time.perf_counter()
        _at_once(clients, work, began + seconds)
        took, after = time.perf_counter() - began, server.cpu()
    total = Heard()
    for client in clients:
        total.add(client.heard)
    total.seconds = took
    return total, after.minus(before)


def _at_once(clients: Sequence[Client], work: Callable[[Client], Talk[Any]], until: float) -> None:
    """Again and again until then; what is begun by then is finished."""
    waiting: dict[Link, tuple[Client, Talk[Any]]] = {}
    with selectors.DefaultSelector() as sockets:

        def go_on(client: Client, talk: Talk[Any], answer: Answer | None) -> None:
            try:
                asked = next(talk) if answer is None else talk.send(answer)
            except StopIteration:
                if time.perf_counter() < until:
                    go_on(client, work(client), None)
                return
            waiting[asked.link] = client, talk
            asked.link.send(*asked[1:])

        for client in clients:
            for link in (client.writer, client.reader):
                sockets.register(link.open(), selectors.EVENT_READ, link)
            go_on(client, work(client), None)
        while waiting:
            ready = sockets.select(_PATIENCE_S)
            if not ready:
                raise RuntimeError("the server answered nobody any more")
            for key, _ in ready:
                link = key.data
                link.more()
                answer = link.answer()
                if answer is not None:
                    go_on(*waiting.pop(link), answer)
