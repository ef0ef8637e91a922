"""`subscriptions/listen`: an answer that stays open and tells which resources changed.

It tells that there is something, never what: a client that is slow, or was away for a while, reads
again from where it stopped. Served by the stream process; the proxy knows it by its header.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase

from controlplane.base.api.answers import encode
from controlplane.base.api.errors import answer, failure_of
from controlplane.base.mcp import calling, eras, rpc
from controlplane.base.mcp.registry import Call, Server, Watch
from controlplane.base.mcp.rpc import INVALID_PARAMS, Message, ProtocolError
from controlplane.base.streaming import let_go_of_slow
from controlplane.lib.defaults import define
from controlplane.lib.errors import ControlPlaneError, Unavailable

BEAT_SECONDS = define(
    "mcp.listen_beat_seconds",
    15.0,
    unit="seconds",
    why="A comment that keeps proxies from closing a quiet stream; rights are asked again then.",
)
URIS_MOST = define(
    "mcp.listen_uris", 100, unit="resources", why="Of one stream; the inbox tells of all threads."
)
SESSION = "controlplane/sessionId"  # in `_meta`: whose stream it is, of an agent's sessions
_LISTS = ("toolsListChanged", "promptsListChanged", "resourcesListChanged")


def listen(server: Server, call: Call, message: Message) -> HttpResponseBase:
    wanted = _wanted(message)
    with calling.refusals(call):
        if not isinstance(call.request, ASGIRequest):
            # A worker of the web process answers one request at a time: a stream would hold it.
            raise Unavailable("Listening is served by the portal's stream process.")
        call.session = _session(message)
        agreed, watches = _watched(server, call, wanted)
    stream = let_go_of_slow(_events(message.id, agreed, watches))
    response = StreamingHttpResponse(stream, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # for proxies that would gather what belongs apart
    return response


class Heard:
    """What was told since somebody looked: each URI once, however often. Made in the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._doubted = False
        self._waiting: dict[str, None] = {}

    def tell(self, uri: str) -> None:
        """From any thread."""
        with suppress(RuntimeError):  # its loop has ended
            self._loop.call_soon_threadsafe(self._note, uri)

    def _note(self, uri: str) -> None:
        self._waiting[uri] = None
        self._event.set()

    def doubt(self) -> None:
        """It may be that the caller may listen no more. From any thread."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._note_doubt)

    def _note_doubt(self) -> None:
        self._doubted = True
        self._event.set()

    def take_doubt(self) -> bool:
        """Was there any since this was asked last?"""
        doubted, self._doubted = self._doubted, False
        return doubted

    async def next(self, seconds: float) -> list[str]:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()
        told, self._waiting = list(self._waiting), {}
        return told


def _wanted(message: Message) -> list[str]:
    if message.id is None:
        raise ProtocolError(INVALID_PARAMS, "A subscription is known by the id of its request.")
    asked = message.params.get("notifications")
    if not isinstance(asked, Mapping):
        raise ProtocolError(INVALID_PARAMS, "params.notifications: an object.")
    for name in _LISTS:
        if not isinstance(asked.get(name, False), bool):
            raise ProtocolError(INVALID_PARAMS, f"params.notifications.{name}: true or false.")
    uris = asked.get("resourceSubscriptions", [])
    if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
        raise ProtocolError(
            INVALID_PARAMS, "params.notifications.resourceSubscriptions: a list of texts."
        )
    if len(uris) > URIS_MOST.value:
        raise ProtocolError(INVALID_PARAMS, f"At most {URIS_MOST.value} resources in one stream.")
    return list(dict.fromkeys(uris))


def _session(message: Message) -> str:
    given = message.meta.get(SESSION, "")
    if not isinstance(given, str):
        raise ProtocolError(INVALID_PARAMS, f"_meta.{SESSION}: a text.")
    return given


def _watched(server: Server, call: Call, uris: Sequence[str]) -> tuple[list[str], list[Watch]]:
    """What is agreed to: of the resources those that the caller may see. Lists of this server
    change with its release alone, so nobody is told of them."""
    agreed: list[str] = []
    watches: list[Watch] = []
    for owner in server.resources:
        seen, watch = owner.watch(call, [uri for uri in uris if server.of(uri) is owner])
        agreed += seen
        watches.append(watch)
    return agreed, watches


async def _events(
    number: str | int | None, agreed: Sequence[str], watches: Sequence[Watch]
) -> AsyncGenerator[bytes, None]:
    # The connection that the request was let in with: in its own thread, for nobody else may.
    await sync_to_async(connections.close_all)()
    tag = {eras.SUBSCRIPTION: number}
    heard = Heard()
    with ExitStack() as opened:
        for watch in watches:
            opened.callback(watch.close)
            watch.open(heard.tell, heard.doubt)
        told = {"resourceSubscriptions": list(agreed)} if agreed else {}
        yield _notification("subscriptions/acknowledged", tag, notifications=told)
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            left = looked + BEAT_SECONDS.value - loop.time()
            told_of = await heard.next(max(0.0, left))
            if heard.take_doubt() or loop.time() - looked >= BEAT_SECONDS.value:
                looked = loop.time()
                yield b": still here\n\n"
                refusal = await _refusal(watches)
                if refusal is not None:
                    yield _event({"jsonrpc": "2.0", "id": number, "error": refusal})
                    return
            news = [each for watch in watches for each in await watch.news()] if told_of else []
            for uri, meta in news:
                yield _notification("resources/updated", {**meta, **tag}, uri=uri)
            said = {uri for uri, _ in news}
            for uri in (each for each in told_of if each not in said):
                yield _notification("resources/updated", tag, uri=uri)


async def _refusal(watches: Sequence[Watch]) -> Mapping[str, Any] | None:
    """Why the caller may listen no more: with it the request is answered, and ends."""
    try:
        for watch in watches:
            await watch.still()
    except ControlPlaneError as error:
        return rpc.refusal_of(answer(failure_of(error)))
    return None


def _notification(method: str, tag: Mapping[str, Any], **params: Any) -> bytes:
    message = {"jsonrpc": "2.0", "method": f"notifications/{method}"}
    return _event({**message, "params": {"_meta": tag, **params}})


def _event(message: Mapping[str, Any]) -> bytes:
    return b"event: message\ndata: %b\n\n" % encode(message)
