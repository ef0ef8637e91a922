"""A client of streams: plain HTTP/1.1 over a socket, so that nothing is gathered on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PATIENCE_S = 20.0
# What was asked and not hung up, with the loop it belongs to.
_lines: list[tuple[asyncio.AbstractEventLoop, asyncio.StreamWriter]] = []


@dataclass
class Event:
    name: str
    id: str
    data: Any


class Answer:
    """The head of an answer, and its body as it comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.status = 0
        self.headers: dict[str, str] = {}
        self.beats = 0
        self._events = self.events()

    async def head(self) -> None:
        first = await self._line()
        self.status = int(first.split()[1])
        while line := await self._line():
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()

    async def _line(self) -> str:
        async with asyncio.timeout(PATIENCE_S):
            return (await self._reader.readline()).decode().rstrip("\r\n")

    async def chunks(self) -> AsyncIterator[bytes]:
        if "content-length" in self.headers:
            yield await self._reader.readexactly(int(self.headers["content-length"]))
            return
        while size := int(await self._line() or "0", 16):
            async with asyncio.timeout(PATIENCE_S):
                yield await self._reader.readexactly(size)
            await self._line()

    async def text(self) -> str:
        return b"".join([chunk async for chunk in self.chunks()]).decode()

    async def json(self) -> Any:
        return json.loads(await self.text())

    async def events(self) -> AsyncIterator[Event]:
        rest = ""
        async for chunk in self.chunks():
            rest += chunk.decode()
            while "\n\n" in rest:
                block, _, rest = rest.partition("\n\n")
                if block.startswith(":"):
                    self.beats += 1
                    continue
                fields = dict(line.split(": ", 1) for line in block.split("\n"))
                if "data" in fields:
                    data = json.loads(fields["data"])
                    yield Event(fields.get("event", ""), fields.get("id", ""), data)

    async def take(self, count: int) -> list[Event]:
        found: list[Event] = []
        async for event in self._events:
            found.append(event)
            if len(found) == count:
                break
        return found

    def close(self) -> None:
        self._writer.close()


async def get(url: str, secret: str = "", **headers: str) -> Answer:
    """Ask, and read no further than the head."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**22)
    _lines.append((asyncio.get_running_loop(), writer))
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"GET {path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
    if secret:
        lines.append(f"Authorization: Bearer {secret}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    await writer.drain()
    answer = Answer(reader, writer)
    await answer.head()
    return answer


async def hang_up() -> None:
    """Close what this loop still holds: afterwards nobody can."""
    loop = asyncio.get_running_loop()
    ours = [writer for of, writer in _lines if of is loop]
    _lines[:] = [line for line in _lines if line[0] is not loop]
    for writer in ours:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
