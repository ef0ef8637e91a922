"""Asking the database from the asynchronous process, without ever holding a connection while
nobody asks anything: a few threads of all who wait, each giving its connection back at once.

Of many who wait for the same messages one reads for all; who of them may see it is asked with it.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from django.core.handlers.asgi import ASGIRequest
from django.db import connections

from controlplane.audit.services import record_denied
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, NotAllowed
from missions.threads import services
from missions.threads.models import Participant
from missions.threads.services import Page

_THREADS = 3  # of the pool's four connections; one stays for requests and the subscription
_T = TypeVar("_T")
_turns = threading.BoundedSemaphore(_THREADS)
_executor: ThreadPoolExecutor | None = None
_executor_of = 0


def _workers() -> ThreadPoolExecutor:
    global _executor, _executor_of
    if _executor is None or _executor_of != os.getpid():
        _executor, _executor_of = ThreadPoolExecutor(_THREADS, "threads-look"), os.getpid()
    return _executor


@contextmanager
def turn(request: Any) -> Iterator[None]:
    """For what a request asks of the database itself. A hundred that come at once would wait for
    the pool's four connections until their time is up; so they wait here, holding none."""
    if not isinstance(request, ASGIRequest):
        yield
        return
    connections.close_all()
    with _turns:
        try:
            yield
        finally:
            connections.close_all()


async def ask(work: Callable[[], _T], within: contextvars.Context | None = None) -> _T:
    """What `work` answers, asked in a thread that has a connection only meanwhile."""

    def asked() -> _T:
        with _turns:
            try:
                return work()
            except NotAllowed as refusal:
                record_denied(refusal)
                raise
            finally:
                connections.close_all()

    run: Callable[[], _T] = asked if within is None else (lambda: within.copy().run(asked))
    return await asyncio.get_running_loop().run_in_executor(_workers(), run)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is read: after which number, how many, and whether only what is for the reader; and of
    a stream whose session holds it open."""

    thread: UUID
    since: int = 0
    limit: int | None = None
    mine: bool = False
    held: str | None = None

    def read(self, actor: Actor) -> Page:
        return services.read_messages(
            self.thread, actor=actor, since=self.since, limit=self.limit, mine=self.mine,
            held=self.held,
        )  # fmt: skip

    def after(self, page: Page) -> Asked:
        return replace(self, since=page.next_seq)


class _Numbered(msgspec.Struct):
    seq: int


@dataclass(slots=True)
class Seen:
    """A page, and its messages one by one as they are sent."""

    page: Page
    frames: list[bytes]


def framed(page: Page) -> Seen:
    if page.empty:
        return Seen(page, [])
    each = msgspec.json.decode(page.messages.encode(), type=list[msgspec.Raw])
    return Seen(page, [_frame(bytes(raw)) for raw in each])


def _frame(message: bytes) -> bytes:
    number = msgspec.json.decode(message, type=_Numbered).seq
    return b"id: %d\nevent: message\ndata: %b\n\n" % (number, message)


@dataclass(slots=True)
class _Flight:
    """One read for all who ask before it began."""

    done: asyncio.Future[tuple[Seen, dict[int, int]]] = field(repr=False)
    begun: bool = False


_flights: dict[tuple[Any, ...], _Flight] = {}


async def together(asked: Asked, actor: Actor) -> Seen | None:
    """The page, read once for all who ask for it now. None for who has to look alone: whoever
    reads something else, or takes no part any more."""
    if asked.mine or actor.kind not in {"agent", "person"}:
        return None
    loop = asyncio.get_running_loop()
    key = (loop, asked.thread, asked.since, asked.limit)
    flight = _flights.get(key)
    if flight is None or flight.begun:
        flight = _flights[key] = _Flight(loop.create_future())
        task = loop.create_task(_fly(flight, asked, actor))
        task.add_done_callback(lambda _: _landed(key, flight))
    try:
        seen, cursors = await asyncio.shield(flight.done)
    except ControlPlaneError:
        return None
    if actor.kind == "agent" and actor.agent_id not in cursors:
        return None
    # The page is everybody's, the cursor in it the reader's.
    cursor = cursors[actor.agent_id or 0] if actor.kind == "agent" else None
    return Seen(replace(seen.page, last_read_seq=cursor), seen.frames)


async def _fly(flight: _Flight, asked: Asked, actor: Actor) -> None:
    def read() -> tuple[Seen, dict[int, int]]:
        # Whoever asks from here on might have heard of what this doesn't see.
        flight.begun = True
        seen = framed(asked.read(actor))
        rows = Participant.objects.present().filter(thread__uid=asked.thread)
        return seen, dict(rows.values_list("agent_id", "last_read_seq"))

    try:
        found = await ask(read)
    except BaseException as error:  # noqa: BLE001 - whoever waits for it hears of it
        if not flight.done.done():
            flight.done.set_exception(error)
            flight.done.exception()  # looked at: nobody may be left who waits
    else:
        if not flight.done.done():
            flight.done.set_result(found)


def _landed(key: tuple[Any, ...], flight: _Flight) -> None:
    if _flights.get(key) is flight:
        del _flights[key]
