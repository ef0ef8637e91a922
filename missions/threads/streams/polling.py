"""A read that is held back until there is something, or its time is up."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, connections
from django.http import StreamingHttpResponse

from controlplane.base.api.answers import JSON, encode
from controlplane.base.api.errors import failure_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError
from missions.threads import numbers
from missions.threads.services import Page
from missions.threads.streams.callers import Caller, counted, require_room
from missions.threads.streams.hub import Ear, begin, hub
from missions.threads.streams.looking import Asked, Seen, ask, framed, together

logger = logging.getLogger(__name__)
AWAY = (DatabaseError, InterfaceError)
Waiting = Callable[[], Coroutine[Any, Any, Page]]


def held(request: Any, asked: Asked, page: Page, wait: float) -> StreamingHttpResponse:
    """The answer's head leaves now and its body when there is one, so that no thread is kept for
    whoever waits. `page` is what there is so far: nothing."""
    return StreamingHttpResponse(
        _body(waiting(request, asked, page, wait), page), content_type=JSON
    )


def waiting(request: Any, asked: Asked, page: Page, wait: float) -> Waiting:
    """What is to be awaited in the loop: the page that came, or the empty one when the time is
    up. It raises what the next read would, once the caller may read no more."""
    begin()
    caller = Caller(request)
    require_room(caller.actor)
    return partial(_until, caller, asked, page, wait)


async def _body(wait: Waiting, page: Page) -> AsyncIterator[bytes]:
    yield b" "  # with it the head leaves: whoever waits sees that they were let in
    try:
        yield (await wait()).as_json()
    except ControlPlaneError as error:
        # The head said 200. An empty page, so that nobody trips over it, and why it ends.
        yield page.as_json()[:-1] + b',"error":%b}' % told_of(error)


def told_of(error: ControlPlaneError) -> bytes:
    failure = failure_of(error)
    return encode({"code": failure.code, "message": failure.message})


async def _until(caller: Caller, asked: Asked, page: Page, wait: float) -> Page:
    await give_back()
    end = time.monotonic() + wait
    watch = Watch(caller, asked, page)
    with watch, counted(caller.actor, "poll"):
        while (left := end - time.monotonic()) > 0:
            seen = await watch.next(left)
            if seen is not None and not seen.page.empty:
                return seen.page
    return page


async def give_back() -> None:
    """The connection that the request was let in with: in its own thread, for nobody else may."""
    await sync_to_async(connections.close_all)()


class Watch:
    """Waits for a thread, and looks: when told, and every few seconds. Each look of its own asks
    for the caller's rights again and is a sign of life. One is due at once when access of theirs
    was taken away."""

    def __init__(self, caller: Caller, asked: Asked, page: Page) -> None:
        self.caller, self.asked = caller, asked
        self._page = page
        self._looked = time.monotonic()
        self._ear = Ear(asked.thread, whose=caller.actor.ref)
        self._missed = False

    def __enter__(self) -> Watch:
        hub.add(self._ear)
        # Said between the first read and now.
        self._missed = hub.newest(self.asked.thread) > self._page.last_seq
        return self

    def __exit__(self, *_: object) -> None:
        hub.remove(self._ear)

    def went_to(self, page: Page) -> None:
        """What was seen is not asked for again; where there is more, it is looked for at once."""
        self.asked = self.asked.after(page)
        self._missed = self._missed or page.has_more

    async def next(self, most: float) -> Seen | None:
        """What is there after waiting no longer than that; None where nobody looked, or the
        database is away."""
        due = self._looked + numbers.LOOK_AGAIN_SECONDS.value - time.monotonic()
        told = self._missed or await self._ear.listen(min(most, due))
        self._missed = False
        late = time.monotonic() - self._looked >= numbers.LOOK_AGAIN_SECONDS.value
        alone = self._ear.take_doubt() or late
        if not told and not alone:
            return None
        try:
            return await self._look(alone)
        except AWAY as error:
            # Tried again at the next beat, not at once: everybody else does the same.
            self._looked = time.monotonic()
            logger.warning("who waits for messages goes on waiting: %s", type(error).__name__)
            return None

    async def _look(self, alone: bool) -> Seen:
        if not alone:
            seen = await together(self.asked, self.caller.actor)
            if seen is not None:
                return seen
        self._looked = time.monotonic()
        return await ask(self._own, self.caller.context)

    def _own(self) -> Seen:
        actor: Actor = self.caller.again()
        return framed(self.asked.read(actor))
