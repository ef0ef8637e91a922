"""Posts and reads over HTTP: ours beside the ordinary way, in turns, by one client and by many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from controlplane.base.bench import Row
from missions.threads.benches import compared
from missions.threads.benches.compared import Found
from missions.threads.benches.crowd import Crowd, Speaker
from missions.threads.benches.driving import OURS, PLAIN, Client, Heard, Talk, drive
from missions.threads.benches.serving import Server

ROUNDS = 3


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
        yield from compared.posts(name, ours, plain)
        self.heard.append(ours.heard)

    def _pairs(self, name: str, speakers: Sequence[Speaker]) -> Iterator[Row]:
        ours, plain = self._both(speakers, Client.post_and_read)
        yield from compared.pairs(name, ours, plain)
        self.heard.append(ours.heard)

    def _pages(self, name: str, speakers: Sequence[Speaker]) -> Iterator[Row]:
        ours, plain = self._both(speakers, Client.read_many)
        yield from compared.pages(name, ours, plain)

    def _both(
        self, speakers: Sequence[Speaker], work: Callable[[Client], Talk[Any]]
    ) -> tuple[Found, Found]:
        found = {OURS: Found(), PLAIN: Found()}
        for _ in range(ROUNDS):  # in turns: what a neighbour costs, it costs both
            for path, each in found.items():
                each.add(drive(self.server, path, speakers, work, self.seconds / ROUNDS))
        return found[OURS], found[PLAIN]
