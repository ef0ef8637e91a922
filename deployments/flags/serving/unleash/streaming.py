"""Changes as they happen, for SDKs that stream: server-sent events of the asynchronous process.

A client gets all flags first and then what changed, each event with the revision it leads to. What
is sent is the difference between what the client has and what stands now, made when it is sent: a
slow client costs no memory, and one that comes back is simply told everything again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework import serializers

from controlplane.base.api.answers import encode
from controlplane.base.api.serializers import StrictSerializer
from controlplane.lib.defaults import define
from controlplane.lib.errors import Unavailable
from deployments.flags.serving import gauges
from deployments.flags.serving.doors import SdkRequest, sdk_view
from deployments.flags.serving.snapshots import PROJECT, Snapshot, Token
from deployments.flags.serving.store import store
from deployments.flags.serving.unleash import words

MAX_STREAMS = define(
    "flags.max_streams",
    2_000,
    unit="connections",
    why="Of one process; each costs some 30 kB. SDKs that are refused try again or poll.",
)
BEAT_SECONDS = define(
    "flags.stream_beat_seconds",
    15.0,
    unit="seconds",
    why="A comment that keeps proxies from closing a quiet stream; a token's end is seen here too.",
)
_RETRY_S = 10
_open = 0


class Events(StrictSerializer):
    """`text/event-stream`: `unleash-connected` with all flags, then `unleash-updated` with what
    changed."""

    event = serializers.ChoiceField(["unleash-connected", "unleash-updated"])
    data = serializers.CharField(  # type: ignore[assignment]
        help_text='`{"events": [{"type", "eventId", …}]}`'
    )


@sdk_view(
    methods=["GET"],
    kinds=["client"],
    foreign=words.refused,
    refusal=words.Message,
    outputs={"GET": Events},
    errors={404},
)
def stream(request: SdkRequest) -> HttpResponseBase:
    """All flags, and every change as it happens."""
    if not isinstance(request, ASGIRequest):
        # A worker of the web process answers one request at a time: a stream would hold it.
        return words.not_found("Streams are served by the portal's stream process.")
    if _open >= MAX_STREAMS.value:
        raise Unavailable("Too many streams are open. Poll meanwhile.", retry_after=_RETRY_S)
    response = StreamingHttpResponse(
        events(request.sdk_token, request.snapshot), content_type="text/event-stream"
    )
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # for proxies that would gather what belongs apart
    return response


async def events(token: Token, first: Snapshot) -> AsyncIterator[bytes]:
    """Until the client goes, or its token ends."""
    global _open
    changed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(changed.set)

    # First to listen, then to look: what changes between the two is heard.
    deaf = store.subscribe(token.environment_id, tell)
    _open += 1
    gauges.STREAMS.inc()
    try:
        sent = _now(token) or first
        yield _event("unleash-connected", sent, [_hydration(sent)])
        while True:
            yield_beat = not await _heard(changed)
            changed.clear()
            present = _now(token)
            if present is None:
                return
            steps = difference(sent, present)
            if steps:
                yield _event("unleash-updated", present, steps)
            elif yield_beat:
                yield b": still here\n\n"
            sent = present
    finally:
        deaf()
        _open -= 1
        gauges.STREAMS.dec()


async def _heard(changed: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(BEAT_SECONDS.value):
            await changed.wait()
    except TimeoutError:
        return False
    return True


def _now(token: Token) -> Snapshot | None:
    """The flags as they stand; None when the token has ended. Memory only: this runs in the loop
    of all streams."""
    snapshot = store.peek(token.environment_id)
    if snapshot is None or not token.lasts():
        return None
    held = any(each.pk == token.pk for each in snapshot.tokens.values())
    return snapshot if held else None


def _hydration(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "type": "hydration",
        "eventId": snapshot.revision,
        "features": [*snapshot.public.values()],
        "segments": [*snapshot.segments.values()],
    }


def difference(before: Snapshot, after: Snapshot) -> list[dict[str, Any]]:
    """The events that lead from one to the other. Segments come first: rules may name new ones."""
    number = after.revision
    return [
        *(
            {"type": "segment-updated", "eventId": number, "segment": told}
            for told in _changed(before.segments, after.segments)
        ),
        *(
            {"type": "feature-updated", "eventId": number, "feature": told}
            for told in _changed(before.public, after.public)
        ),
        *(
            {"type": "feature-removed", "eventId": number, "featureName": name, "project": PROJECT}
            for name in before.public
            if name not in after.public
        ),
        *(
            {"type": "segment-removed", "eventId": number, "segmentId": pk}
            for pk in before.segments
            if pk not in after.segments
        ),
    ]


def _changed(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> list[Any]:
    return [told for key, told in after.items() if before.get(key) != told]


def _event(name: str, snapshot: Snapshot, steps: list[dict[str, Any]]) -> bytes:
    data = encode({"events": steps})
    return b"event: %b\nid: %d\ndata: %b\n\n" % (name.encode(), snapshot.revision, data)
