"""The users themselves: each a connection that stays open, an act a second, a wait for its answer.

One process of few instructions, so that the crowd costs little beside what it asks. Who waits
longer than a second acts late, as people do: a stall isn't followed by a burst of what was missed.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from controlplane.console.benches.load import mix
from controlplane.console.benches.load.mix import Ask, Kind, Someone

EVERY_S = 1.0
GIVE_UP_S = 30.0
LISTENERS = 20  # every so manieth user holds a stream open besides
_HOST = "127.0.0.1"
_LIMIT = 2**20
_FAILED = (OSError, EOFError, ValueError, TimeoutError)


@dataclass(slots=True)
class Heard:
    """What became of all acts."""

    waits: dict[str, list[float]] = field(default_factory=dict)  # seconds, of right answers
    wrong: Counter[str] = field(default_factory=Counter)  # "what they did: code"
    busy: int = 0  # 503 and 429 among them
    late: list[float] = field(default_factory=list)  # how late an act began: the crowd's own fault
    asked: int = 0
    wanted: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    streams: int = 0  # held open to the end

    def took(self, kind: Kind, status: int, wait: float) -> None:
        self.asked += 1
        if kind.right(status):
            self.waits.setdefault(kind.name, []).append(wait)
        else:
            self.busy += status in {429, 503}
            self.wrong[f"{kind.name}: {status or 'no answer'}"] += 1

    @property
    def errors(self) -> int:
        return sum(self.wrong.values())

    def all_waits(self) -> list[float]:
        return sorted(wait for waits in self.waits.values() for wait in waits)


def share(waits: list[float], part: float) -> float:
    """Of sorted ones."""
    return waits[min(len(waits) - 1, int(len(waits) * part))] if waits else 0.0


@dataclass(frozen=True, slots=True)
class Crowd:
    port: int
    users: int
    seconds: float
    world: Mapping[str, Any]
    begun_per_s: float = 0.0
    seed: int = 1
    plain: str = ""  # everybody asks for this path instead, without credentials

    def act(self) -> Heard:
        """In a process of its own: what it computes is told apart from what is measured."""
        context = multiprocessing.get_context("fork")
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=self._told, args=(there,))
        process.start()
        there.close()
        try:
            heard: Heard = here.recv()
        except EOFError:
            raise RuntimeError("the crowd fell over") from None
        finally:
            process.join(GIVE_UP_S)
        return heard

    def _told(self, there: Any) -> None:
        began = time.process_time()
        heard = asyncio.run(self._all())
        heard.cpu = time.process_time() - began
        there.send(heard)
        there.close()

    async def _all(self) -> Heard:
        heard, random = Heard(), Random(self.seed)  # noqa: S311 - repeatable, no secret
        begin = time.perf_counter() + 0.2
        end = begin + self.seconds
        heard.wanted = int(self.users * self.seconds / EVERY_S)
        everybody = [
            self._user(Someone(number, self.world, Random(f"{self.seed} {number}")), heard,  # noqa: S311
                       begin + random.random() * EVERY_S, end)
            for number in range(self.users)
        ]  # fmt: skip
        if not self.plain:
            agents = range(len(self.world["agents"]))
            ears = [asyncio.create_task(self._listen(each, heard)) for each in agents[::LISTENERS]]
            if self.begun_per_s:
                everybody.append(self._begin(heard, begin, end))
        else:
            ears = []
        await asyncio.gather(*everybody)
        heard.seconds = time.perf_counter() - begin
        heard.streams = sum(not ear.done() for ear in ears)
        for ear in ears:
            ear.cancel()
        await asyncio.gather(*ears, return_exceptions=True)
        return heard

    async def _user(self, who: Someone, heard: Heard, due: float, end: float) -> None:
        link = Link(self.port)
        while due < end:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            now = time.perf_counter()
            heard.late.append(now - due)
            kind = PLAIN if self.plain else mix.choose(who)
            ask = Ask("GET", self.plain, {}) if self.plain else kind.make(who)
            status = await link.ask(ask, who)
            answered = time.perf_counter()
            heard.took(kind, status, answered - now)
            who.acted += 1
            due = max(due + EVERY_S, answered)
        link.close()

    async def _begin(self, heard: Heard, begin: float, end: float) -> None:
        """Missions, at the pace that the profile names; at least one."""
        who, link, due = Someone(0, self.world, Random(self.seed)), Link(self.port), begin  # noqa: S311
        while due < end:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            now = time.perf_counter()
            status = await link.ask(mix.BEGIN.make(who), who)
            heard.took(mix.BEGIN, status, time.perf_counter() - now)
            heard.wanted += 1
            due += 1 / self.begun_per_s
        link.close()

    async def _listen(self, number: int, heard: Heard) -> None:
        """A stream that stays open; ends only when the portal ends it."""
        key = self.world["agents"][number]["key"]
        ask = Ask("GET", "/stream/inbox", {"Authorization": f"Bearer {key}"})
        reader, writer = await asyncio.open_connection(_HOST, self.port)
        try:
            writer.write(ask.wire())
            while await reader.read(65_536):
                pass
        finally:
            writer.close()


PLAIN = Kind("plain", 1, lambda _: Ask("GET", "/", {}), "plain")


class Link:
    """HTTP/1.1 by hand, over one connection that is made again when it fails."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, ask: Ask, who: Someone) -> int:
        """The status; 0 when no answer came."""
        fresh = self._streams is None
        try:
            return await self._within(ask, who)
        except _FAILED:
            self.close()
        if fresh or ask.method != "GET":
            return 0
        # A connection that was kept may be closed by the other side just then, as browsers know.
        with suppress(*_FAILED):
            return await self._within(ask, who)
        self.close()
        return 0

    async def _within(self, ask: Ask, who: Someone) -> int:
        async with asyncio.timeout(GIVE_UP_S):
            return await self._ask(ask, who)

    async def _ask(self, ask: Ask, who: Someone) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection(_HOST, self.port, limit=_LIMIT)
        reader, writer = self._streams
        writer.write(ask.wire())
        head = await reader.readuntil(b"\r\n\r\n")
        status, length, tag, closes = parse(head)
        if length is None:
            await _read_chunks(reader)
        elif length and status != 304:
            await reader.readexactly(length)
        if tag:
            who.tags[ask.path] = tag
        if closes:
            self.close()
        return status

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def parse(head: bytes) -> tuple[int, int | None, str, bool]:
    """Status, length (None: in chunks), tag, whether the connection ends."""
    lines = head.split(b"\r\n")
    status, length, tag, closes = int(lines[0][9:12]), 0, "", False
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            return status, None, "", closes
        elif name == b"etag":
            tag = value.strip().decode()
        elif name == b"connection":
            closes = b"close" in value.lower()
    return status, length, tag, closes


async def _read_chunks(reader: asyncio.StreamReader) -> None:
    while size := int((await reader.readline()).split(b";")[0], 16):
        await reader.readexactly(size + 2)
    await reader.readline()
