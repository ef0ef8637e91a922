"""Answers that stay open, and clients that take nothing of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

from controlplane.lib.defaults import define

SEND_SECONDS = define(
    "streams.send_seconds",
    30.0,
    unit="seconds",
    why="A client that takes nothing for so long is let go: it comes back to where it stopped.",
)
# The loop itself would let go of them.
_closing: set[asyncio.Task[None]] = set()


async def let_go_of_slow(events: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """The same events. While one of them is sent, which is between two of these steps, the time is
    taken; when it is over the request is given up as if the client had hung up.

    A request that is given up while it sends leaves this where it stands, and nobody closes it but
    the collector of garbage, some time. So what the events hold is given back with the request."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def close(_: asyncio.Task[Any]) -> None:
        closing = loop.create_task(events.aclose())
        _closing.add(closing)
        closing.add_done_callback(_closing.discard)

    task.add_done_callback(close)
    try:
        async with aclosing(events):
            async for event in events:
                late = loop.call_later(SEND_SECONDS.value, task.cancel)
                try:
                    yield event
                finally:
                    late.cancel()
    finally:
        task.remove_done_callback(close)


Send = Callable[[Mapping[str, Any]], Awaitable[None]]


def givable_up(send: Send) -> Send:
    """The same, for a server whose sending can't be given up while the client takes nothing."""

    async def sent(message: Mapping[str, Any]) -> None:
        if not message.get("more_body"):
            await send(message)
            return
        sending = asyncio.ensure_future(send(message))
        sending.add_done_callback(_look_at)
        await asyncio.wait({sending})
        sending.result()

    return sent


def _look_at(sending: asyncio.Future[None]) -> None:
    """Nobody may be left who waits for it."""
    if not sending.cancelled():
        sending.exception()
