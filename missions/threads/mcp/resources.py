"""Threads and the inbox as resources: read, and listened to.

`thread://<id>` is a thread with what its reader has not read of it, `inbox://me` what is unread of
an agent over all its threads. A session that is registered with the adapter `mcp` is woken by news
of its inbox: `_meta` says which wake it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any
from uuid import UUID

from controlplane.access import policy
from controlplane.base.api.answers import encode
from controlplane.base.mcp.listening import BEAT_SECONDS
from controlplane.base.mcp.registry import Call, Watch
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from missions.threads import numbers, services
from missions.threads.api.finding import uid_in
from missions.threads.mcp import finding
from missions.threads.models import Participant, Thread
from missions.threads.services import presence
from missions.threads.streams.callers import Caller, counted, require_room
from missions.threads.streams.hub import Ear, begin, hub
from missions.threads.streams.looking import ask
from missions.threads.streams.polling import AWAY
from missions.threads.streams.presence import Present, presences

logger = logging.getLogger(__name__)
_JSON = "application/json"
_INBOX = "inbox://me"
_SCHEME = "thread://"
_LISTED = 100
WAKE = "controlplane/wake"  # in `_meta` of the news that the inbox changed


class ThreadResources:
    schemes: Collection[str] = frozenset({"thread", "inbox"})
    templates: Sequence[Mapping[str, Any]] = (
        {
            "uriTemplate": "thread://{thread_id}",
            "name": "thread",
            "title": "A thread",
            "description": "A thread, who takes part, and what its reader has not read of it.",
            "mimeType": _JSON,
        },
    )

    def listed(self, call: Call) -> Sequence[Mapping[str, Any]]:
        """The inbox, and the threads that somebody wrote in last."""
        if not policy.can(call.actor, "thread.view"):
            return []
        rows = Thread.objects.visible_to(call.actor).open().order_by("-last_message_at", "-id")
        threads = rows.filter(workspace_id__in=call.actor.workspace_ids)[:_LISTED]
        found: list[Mapping[str, Any]] = [_shown(row) for row in threads]
        if policy.can(call.actor, "thread.read"):
            found.insert(0, _OF_INBOX)
        return found

    def read(self, call: Call, uri: str) -> Mapping[str, Any] | None:
        if uri == _INBOX:
            text = services.read_inbox(actor=call.actor).decode()
        else:
            name = _name(uri)
            if name is None:
                return None
            try:
                row = finding.thread(call, name)
            except NotFound:
                return None
            text = _whole(row, call.actor)
        return {"uri": uri, "mimeType": _JSON, "text": text}

    def watch(self, call: Call, uris: Sequence[str]) -> tuple[list[str], Watch]:
        require_room(call.actor)
        threads = {uri: uid for uri in uris if (uid := _uid(uri)) is not None}
        seen = _visible(call.actor, threads.values())
        agreed = {uri: uid for uri, uid in threads.items() if uid in seen}
        inbox = _INBOX in uris and bool(policy.can(call.actor, "thread.read"))
        begin()
        told = [uri for uri in uris if uri in agreed or (inbox and uri == _INBOX)]
        session = presence.session_of(call.actor, call.session, "mcp") if inbox else None
        pushed = session.pk if session is not None else None
        return told, Listening(Caller(call.request), agreed, inbox=inbox, session=pushed)


_OF_INBOX = {
    "uri": _INBOX,
    "name": "inbox",
    "title": "What is unread",
    "description": "Threads with messages of others that the agent has not read.",
    "mimeType": _JSON,
}


def _shown(row: Thread) -> dict[str, Any]:
    return {
        "uri": f"{_SCHEME}{row.uid}",
        "name": row.ref,
        "title": row.title,
        "description": f"{row.ref} is {row.status}, {row.last_seq} messages.",
        "mimeType": _JSON,
    }


def _name(uri: str) -> str | None:
    name = uri.removeprefix(_SCHEME)
    return name if uri.startswith(_SCHEME) and 0 < len(name) <= 36 else None


def _uid(uri: str) -> UUID | None:
    return uid_in(_name(uri) or "")


def _whole(row: Thread, actor: Actor) -> str:
    """Of agents from their cursor on, of people the last messages."""
    since = max(0, row.last_seq - numbers.READ_DEFAULT.value)
    if actor.kind == "agent":
        mine = Participant.objects.present().filter(thread=row, agent_id=actor.agent_id)
        since = mine.values_list("last_read_seq", flat=True).first() or 0
    page = services.read_messages(row.uid, actor=actor, since=since).as_json().decode()
    return f'{{"thread":{encode(finding.whole(row)).decode()},"unread":{page}}}'


def _visible(actor: Actor, uids: Any) -> set[UUID]:
    if not policy.can(actor, "thread.view"):
        return set()
    rows = Thread.objects.visible_to(actor).filter(uid__in=list(uids))
    return set(rows.values_list("uid", flat=True))


class _Telling(Ear):
    """Passes on what it hears, instead of waiting for it."""

    def __init__(
        self, uri: str, tell: Callable[[str], None], thread: UUID | None, agent: int | None = None
    ) -> None:
        super().__init__(thread, agent)
        self._uri, self._tell = uri, tell

    def tell(self) -> None:
        self._tell(self._uri)


class _Doubting(Ear):
    """Hears of nothing but that access of its holder was taken away."""

    def __init__(self, whose: str, doubt: Callable[[], None]) -> None:
        super().__init__(None, whose=whose)
        self._doubt = doubt

    def doubt(self) -> None:
        self._doubt()


class Listening:
    """One who listens to some resources."""

    def __init__(
        self, caller: Caller, threads: Mapping[str, UUID], *, inbox: bool, session: int | None
    ) -> None:
        self._caller, self._threads, self._inbox = caller, dict(threads), inbox
        self._session = session
        self._present: Present | None = None
        self._ears: list[Ear] = []
        self._open = ExitStack()

    def open(self, tell: Callable[[str], None], doubt: Callable[[], None]) -> None:
        self._open.enter_context(counted(self._caller.actor, "mcp"))
        self._ears = [_Telling(uri, tell, uid) for uri, uid in self._threads.items()]
        self._ears.append(_Doubting(self._caller.actor.ref, doubt))
        if self._inbox:
            self._ears.append(_Telling(_INBOX, tell, None, self._caller.actor.agent_id))
        for ear in self._ears:
            hub.add(ear)
        if self._session is not None:
            patience = 3 * BEAT_SECONDS.value
            self._present = Present(self._session, partial(tell, _INBOX), patience)
            self._open.enter_context(presences.held(self._present))

    def close(self) -> None:
        for ear in self._ears:
            hub.remove(ear)
        self._open.close()

    async def still(self) -> None:
        """Of threads that may be seen no more nobody is told; without credentials all ends."""
        try:
            seen = await ask(self._look, self._caller.context)
        except AWAY as error:
            logger.warning("who listens is not asked for their rights: %s", type(error).__name__)
            return
        for ear in [each for each in self._ears if each.thread and each.thread not in seen]:
            hub.remove(ear)
            self._ears.remove(ear)

        if self._present is not None:
            self._present.moved()

    async def news(self) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """The wakes of the session whose stream it is."""
        if self._session is None or self._present is None:
            return []
        self._present.moved()
        try:
            taken = await ask(partial(presence.take, self._session), self._caller.context)
        except AWAY as error:
            logger.warning("who listens is woken later: %s", type(error).__name__)
            return []
        return [(_INBOX, {WAKE: each}) for each in taken]

    def _look(self) -> set[UUID]:
        return _visible(self._caller.again(), self._threads.values())
