"""Server-sent events: the messages of a thread, and what is unread over all of them."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import msgspec
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import encode
from controlplane.base.api.plain import plain_view
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.streaming import let_go_of_slow
from controlplane.lib.errors import ControlPlaneError, Invalid, NotFound
from missions.threads import numbers, services
from missions.threads.api.finding import flag_of, number_of, uid_of
from missions.threads.services import Page, presence
from missions.threads.streams.callers import Caller, counted, require_room
from missions.threads.streams.hub import Ear, begin, hub
from missions.threads.streams.looking import Asked, ask, framed, turn
from missions.threads.streams.polling import AWAY, Watch, give_back, told_of
from missions.threads.streams.presence import Present, presences

_TAGS = ["threads"]
_HELLO = b"retry: 2000\n\n"
_BEAT = b": still here\n\n"


class ThreadEvents(StrictSerializer):
    """`text/event-stream`: `message` for each message, with its number as `id`; `end` when the
    caller may see no more of it."""

    id = serializers.IntegerField()
    event = serializers.ChoiceField(["message", "end"])
    data = serializers.CharField(help_text="A message as a read shows it.")  # type: ignore[assignment]


class InboxEvents(StrictSerializer):
    """`text/event-stream`: `unread` for each thread with something unread, whenever that changes;
    `read` when nothing is left of it; `wake` when the session whose stream it is shall wake up;
    `end` when the caller may see no more."""

    event = serializers.ChoiceField(["unread", "read", "wake", "end"])
    data = serializers.CharField(  # type: ignore[assignment]
        help_text="A thread as the inbox shows it; of a wake, which it is and what to read."
    )


@plain_view(
    actions={"GET": "thread.view"},
    outputs={"GET": ThreadEvents},
    in_workspace=False,
    query=("since_seq", "mine"),
    tags=_TAGS,
)
def stream_thread(request: HttpRequest, thread: str) -> StreamingHttpResponse:
    """The messages of a thread, as they are said

    After `Last-Event-ID`, or `since_seq`, or from the first. A client that comes back names the
    last number it has and misses nothing.
    """
    _require_loop(request)
    asked = Asked(
        uid_of(request, thread),
        since=_since(request),
        limit=numbers.READ_DEFAULT.value,  # what a client that stops reading keeps in memory
        mine=flag_of(request, "mine"),
        held=request.actor.session_id,  # type: ignore[attr-defined]
    )
    actor = request.actor  # type: ignore[attr-defined]
    with turn(request):
        page = asked.read(actor)
    begin()
    caller = Caller(request)
    require_room(actor)
    return _stream(_messages(caller, asked, page))


def _require_loop(request: HttpRequest) -> None:
    if not isinstance(request, ASGIRequest):
        # A worker of the web process answers one request at a time: a stream would hold it.
        raise NotFound("Streams are served by the portal's stream process.")


def _since(request: Any) -> int:
    last = request.headers.get("Last-Event-ID", "").strip()
    if not last:
        return number_of(request, "since_seq", 0) or 0
    if not (last.isascii() and last.isdigit() and len(last) < 19):
        raise Invalid("Last-Event-ID: A number.", details={"Last-Event-ID": "A whole number."})
    return int(last)


def _stream(events: AsyncGenerator[bytes, None]) -> StreamingHttpResponse:
    told = let_go_of_slow(events)
    response = StreamingHttpResponse(told, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # for proxies that would gather what belongs apart
    return response


async def _messages(caller: Caller, asked: Asked, page: Page) -> AsyncGenerator[bytes, None]:
    await give_back()
    watch = Watch(caller, asked, page)
    with watch, counted(caller.actor, "stream"):
        yield _HELLO
        seen: Any = framed(page)
        while True:
            if seen is not None:
                for frame in seen.frames:
                    yield frame
                watch.went_to(seen.page)
            if seen is None or not seen.frames:
                yield _BEAT
            try:
                seen = await watch.next(numbers.LOOK_AGAIN_SECONDS.value)
            except ControlPlaneError as error:
                yield _end(error)
                return


def _end(error: ControlPlaneError) -> bytes:
    return b"event: end\ndata: %b\n\n" % told_of(error)


@plain_view(
    actions={"GET": "thread.read"},
    outputs={"GET": InboxEvents},
    in_workspace=False,
    query=("session_id",),
    tags=_TAGS,
)
def stream_inbox(request: HttpRequest) -> StreamingHttpResponse:
    """What is unread of an agent, over all its threads, whenever it changes

    Begins with all that is unread. It says where to read; the messages are read from the threads.

    A session that is registered with the adapter `sse` is woken over it by `wake`. It is the one
    that the token proves or `session_id` names, or the agent's only one. Such a session sleeps
    while it streams; it shows that it is awake by a heartbeat, a read or an acknowledgement.
    """
    _require_loop(request)
    actor = request.actor  # type: ignore[attr-defined]
    with turn(request):
        held = request.GET.get("session_id", "")
        session = presence.session_of(actor, held, "sse")
        held = held or actor.session_id or (session.session_id if session else "")
        first = services.read_inbox(actor=actor, held=held)
    begin()
    caller = Caller(request)
    require_room(actor)
    return _stream(_unread(caller, first, held, session.pk if session else None))


class _Row(msgspec.Struct):
    thread_id: str
    ref: str


class _Inbox(msgspec.Struct):
    threads: list[msgspec.Raw]


def _rows(inbox: bytes) -> dict[str, tuple[str, bytes]]:
    """{thread: (its ref, the row as it is sent)}"""
    found = {}
    for raw in msgspec.json.decode(inbox, type=_Inbox).threads:
        row = msgspec.json.decode(raw, type=_Row)
        found[row.thread_id] = (row.ref, bytes(raw))
    return found


def changes(
    before: dict[str, tuple[str, bytes]], after: dict[str, tuple[str, bytes]]
) -> list[bytes]:
    """The events that lead from one to the other, the longest unchanged thread first."""
    told = [
        b"event: unread\ndata: %b\n\n" % row
        for thread, (_, row) in reversed(after.items())
        if before.get(thread, ("", b""))[1] != row
    ]
    gone = [
        b"event: read\ndata: %b\n\n" % encode({"thread_id": thread, "ref": ref})
        for thread, (ref, _) in before.items()
        if thread not in after
    ]
    return [*gone, *told]


@dataclass(frozen=True, slots=True)
class _Looked:
    inbox: bytes
    wakes: Sequence[Mapping[str, Any]] = ()


async def _unread(
    caller: Caller, first: bytes, held: str, session: int | None
) -> AsyncGenerator[bytes, None]:
    await give_back()
    ear = Ear(None, caller.actor.agent_id, whose=caller.actor.ref)
    hub.add(ear)
    patience = 3 * numbers.LOOK_AGAIN_SECONDS.value
    present = Present(session, ear.tell, patience) if session is not None else None

    def look() -> _Looked:
        inbox = services.read_inbox(actor=caller.again(), held=held)
        return _Looked(inbox, presence.take(session) if session is not None else ())

    try:
        with (
            counted(caller.actor, "inbox"),
            presences.held(present) if present is not None else nullcontext(),
        ):
            yield _HELLO
            shown: dict[str, tuple[str, bytes]] = {}
            seen: _Looked | None = _Looked(first)
            fresh = False  # said between the first look and now is found by looking once more
            while True:
                events = _events(shown, seen)
                shown = shown if seen is None else _rows(seen.inbox)
                for event in events:
                    yield event
                if present is not None:
                    present.moved()
                if not events:
                    yield _BEAT
                if fresh:
                    await ear.listen(numbers.LOOK_AGAIN_SECONDS.value)
                fresh = True
                try:
                    seen = await ask(look, caller.context)
                except AWAY:
                    seen = None
                    await _pause(ear)
                except ControlPlaneError as error:
                    yield _end(error)
                    return
    finally:
        hub.remove(ear)


def _events(shown: dict[str, tuple[str, bytes]], seen: _Looked | None) -> list[bytes]:
    if seen is None:
        return []
    wakes = [b"event: wake\ndata: %b\n\n" % encode(each) for each in seen.wakes]
    return [*wakes, *changes(shown, _rows(seen.inbox))]


async def _pause(ear: Ear) -> None:
    """With the database away everybody is told and nobody finds anything: not at once again."""
    end = time.monotonic() + numbers.LOOK_AGAIN_SECONDS.value
    while (left := end - time.monotonic()) > 0:
        await ear.listen(left)
