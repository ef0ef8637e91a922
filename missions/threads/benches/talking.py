"""Posts and reads over HTTP: ours beside the ordinary way, in turns, by one client and by many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from controlplane.base.bench import Row
from missions.threads.benches.crowd import Crowd, Speaker
from missions.threads.benches.driving import OURS, PLAIN, Client, Heard, drive
from missions.threads.benches.report import percentile
from missions.threads.benches.serving import Cpu, Server

ROUNDS = 3
BASELINE = "DRF and ORM"


@dataclass(slots=True)
class Found:
    """What one way of asking came to, over all rounds."""

    heard: Heard = field(default_factory=Heard)
    cpu: Cpu = field(default_factory=lambda: Cpu(0.0, 0.0))

    def add(self, found: tuple[Heard, Cpu]) -> None:
        self.heard.add(found[0])
        self.cpu = self.cpu.plus(found[1])


class Talking:
    def __init__(self, server: Server, crowd: Crowd, seconds: float) -> None:
        self.server, self.crowd, self.seconds = server, crowd, seconds
        self.heard: list[Heard] = []  # of ours, for the report

    def measure(self) -> Iterator[Row]:
        clients = len(self.crowd.own)
        ways = {
            "1 client": self.crowd.own[:1],
            f"{clients} clients, own threads": self.crowd.own,
            f"{clients} clients, one thread": self.crowd.shared,
        }
        for name, speakers in ways.items():
            yield from self._posts(name, speakers)
            yield from self._pairs(name, speakers)
        yield from self._pages(f"{clients} clients", self.crowd.own)

    def _posts(self, name: str, speakers: Sequence[Speaker]) -> Iterator[Row]:
        ours, plain = self._both(speakers, Client.post)
        yield _row(f"posts, {name}", "posts/s", ours, plain, lambda f: f.heard.posts_per_second)
        yield from _cpu(f"a post, {name}", ours, plain, lambda f: len(f.heard.post))
        self.heard.append(ours.heard)

    def _pairs(self, name: str, speakers: Sequence[Speaker]) -> Iterator[Row]:
        ours, plain = self._both(speakers, Client.post_and_read)
        for what in ("post", "read", "visible"):
            title = "post to visible" if what == "visible" else what
            for share in (0.5, 0.95):
                yield Row(
                    f"{title} p{share * 100:.0f}, {name}",
                    percentile(getattr(ours.heard, what), share), "ms",
                    BASELINE, percentile(getattr(plain.heard, what), share),
                )  # fmt: skip
        yield Row(
            f"errors, {name}", ours.heard.errors, f"of {len(ours.heard.post):,} pairs",
            note=f"{BASELINE}: {plain.heard.errors} of {len(plain.heard.post):,}",
        )  # fmt: skip
        self.heard.append(ours.heard)

    def _pages(self, name: str, speakers: Sequence[Speaker]) -> Iterator[Row]:
        ours, plain = self._both(speakers, Client.read_many)
        yield _row(
            f"reads of 50, {name}", "reads/s", ours, plain,
            lambda f: len(f.heard.read) / f.heard.seconds,
        )  # fmt: skip
        yield from _cpu(f"a read of 50, {name}", ours, plain, lambda f: len(f.heard.read))

    def _both(
        self, speakers: Sequence[Speaker], work: Callable[[Client], Any]
    ) -> tuple[Found, Found]:
        found = {OURS: Found(), PLAIN: Found()}
        for _ in range(ROUNDS):  # in turns: what a neighbour costs, it costs both
            for path, each in found.items():
                each.add(drive(self.server, path, speakers, work, self.seconds / ROUNDS))
        return found[OURS], found[PLAIN]


def _row(figure: str, unit: str, ours: Found, plain: Found, value: Callable[[Found], float]) -> Row:
    return Row(figure, value(ours), unit, BASELINE, value(plain))


def _cpu(figure: str, ours: Found, plain: Found, count: Callable[[Found], int]) -> Iterator[Row]:
    def each(found: Found, seconds: float) -> float:
        return seconds / max(1, count(found)) * 1_000

    yield Row(
        f"CPU of the web process for {figure}", each(ours, ours.cpu.web), "ms", BASELINE,
        each(plain, plain.cpu.web),
    )  # fmt: skip
    if ours.cpu.database is not None and plain.cpu.database is not None:
        yield Row(
            f"CPU of PostgreSQL for {figure}", each(ours, ours.cpu.database), "ms", BASELINE,
            each(plain, plain.cpu.database),
        )  # fmt: skip
