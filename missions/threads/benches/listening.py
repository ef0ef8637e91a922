"""How long until somebody else has a message who listens on a stream: over HTTP into the web
process, over the broker to the stream process, down an open connection."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from controlplane.base.bench import Row
from missions.threads.benches.crowd import Crowd, Speaker
from missions.threads.benches.driving import OURS, Client, Talk, drive
from missions.threads.benches.report import percentile
from missions.threads.benches.serving import Server, process, until
from missions.threads.models import Thread

LISTENERS = 8  # on one thread of all: each message goes to every one of them
WITHIN_S = 30.0


class Ears:
    """Open streams, read by one thread: when the message of which number came first, or last."""

    def __init__(self, port: int, speakers: Sequence[Speaker], each: int) -> None:
        self.each = each
        self.came: dict[tuple[Any, int], list[float]] = {}
        self._selector = selectors.DefaultSelector()
        self._stop = threading.Event()
        self._sockets = [self._open(port, speaker) for speaker in speakers for _ in range(each)]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _open(self, port: int, speaker: Speaker) -> socket.socket:
        since = Thread.objects.values_list("last_seq", flat=True).get(uid=speaker.thread)
        link = socket.create_connection(("127.0.0.1", port), timeout=60)
        link.sendall(
            f"GET /stream/threads/{speaker.thread}?since_seq={since} HTTP/1.1\r\n"
            f"Host: 127.0.0.1\r\nAuthorization: Bearer {speaker.reader}\r\n\r\n".encode()
        )
        head = b""
        while b"retry:" not in head:
            part = link.recv(4_096)
            if not part:
                raise RuntimeError(f"a stream was not opened: {head[:200]!r}")
            head += part
        link.setblocking(False)
        self._selector.register(link, selectors.EVENT_READ, [speaker.thread, b""])
        return link

    def _listen(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(0.2):
                part = key.fileobj.recv(1 << 20)  # type: ignore[union-attr]
                now = time.perf_counter()
                if not part:
                    self._selector.unregister(key.fileobj)
                    continue
                self._read(key.data, part, now)

    def _read(self, state: list[Any], part: bytes, now: float) -> None:
        thread, rest = state
        lines = (rest + part).split(b"\n")
        state[1] = lines.pop()
        for line in lines:
            if line.startswith(b"id: "):
                self.came.setdefault((thread, int(line[4:])), []).append(now)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for link in self._sockets:
            link.close()
        self._selector.close()


class Poster(Client):
    """Keeps when each of its messages was begun."""

    def __init__(self, port: int, path: str, speaker: Speaker) -> None:
        super().__init__(port, path, speaker)
        self.began: dict[tuple[Any, int], float] = {}

    def say(self) -> Talk[None]:
        began = time.perf_counter()
        seq = yield from self.post()
        if seq is not None:
            self.began[self.speaker.thread, seq] = began


def _say(client: Client) -> Talk[None]:
    assert isinstance(client, Poster)
    return client.say()


@contextmanager
def streaming() -> Iterator[int]:
    """The stream process as `manage.py up` starts it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = (
        *("-m", "granian", "controlplane.asgi:application", "--interface", "asgi"),
        *("--host", "127.0.0.1", "--port", str(port), "--http", "1", "--no-ws"),
        *("--workers", "1", "--log-level", "critical", "--workers-kill-timeout", "2"),
    )
    with process(*command) as running:
        until(lambda: _answers(port), "the measured stream process", running)
        yield port


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
            link.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return link.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


class Listening:
    def __init__(self, server: Server, crowd: Crowd, seconds: float) -> None:
        self.server, self.crowd, self.seconds = server, crowd, seconds
        self.slowest = 0.0  # of the 95th in a hundred, over all ways
        self.lost = 0

    def measure(self) -> Iterator[Row]:
        clients = len(self.crowd.own)
        ways = {
            "1 client": (self.crowd.own[:1], self.crowd.own[:1], 1),
            f"{clients} clients, own threads": (self.crowd.own, self.crowd.own, 1),
            f"{clients} clients, one thread": (
                self.crowd.shared, self.crowd.shared[:1], LISTENERS,
            ),
        }  # fmt: skip
        with streaming() as port:
            for name, (writers, listeners, each) in ways.items():
                yield from self._heard(name, port, writers, listeners, each)

    def _heard(
        self, name: str, port: int, writers: Sequence[Speaker], listeners: Sequence[Speaker],
        each: int,
    ) -> Iterator[Row]:  # fmt: skip
        ears = Ears(port, listeners, each)
        posters: list[Poster] = []

        def made(port: int, path: str, speaker: Speaker) -> Client:
            posters.append(Poster(port, path, speaker))
            return posters[-1]

        heard, _ = drive(self.server, OURS, writers, _say, self.seconds, made)
        began = {what: at for poster in posters for what, at in poster.began.items()}
        took, lost = _matched(began, ears)
        ears.close()
        self.lost += lost
        self.slowest = max(self.slowest, percentile(took, 0.95))
        rate = f"{heard.posts_per_second:,.0f} posts/s, {len(listeners) * each} streams"
        for share in (0.5, 0.95):
            yield Row(
                f"post to stream p{share * 100:.0f}, {name}", percentile(took, share), "ms",
                "answer to the post", percentile(heard.post, share), note=rate,
            )  # fmt: skip
        yield Row(f"messages not streamed, {name}", lost, f"of {len(began) * each:,}")


def _matched(began: dict[tuple[Any, int], float], ears: Ears) -> tuple[list[float], int]:
    """Milliseconds from the beginning of each post to each stream that had it."""
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end and any(
        len(ears.came.get(what, ())) < ears.each for what in list(began)
    ):
        time.sleep(0.05)
    took = [(at - start) * 1_000 for what, start in began.items() for at in ears.came.get(what, ())]
    return took, len(began) * ears.each - len(took)
