"""Who waits for which thread, and the one subscription of a process that tells them.

The subscription has a thread of its own. Without a broker it asks the database instead, one
question for all who wait; when the broker is back everybody looks once, for what was missed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.db.models import Q
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from controlplane.access import credential_cache
from controlplane.base.api.counters import plain_url
from controlplane.lib.defaults import define
from missions.threads import fanout
from missions.threads.models import Participant, Thread, WakeAttempt

logger = logging.getLogger(__name__)

POLL_SECONDS = define(
    "threads.poll_seconds",
    0.5,
    unit="seconds",
    why="Without a broker a stream process asks so often, once for all who wait in it.",
)
RECONNECT_SECONDS = define(
    "threads.reconnect_seconds",
    5.0,
    unit="seconds",
    why="How long a broker that failed is left alone.",
)
_CONNECT_S = 1.0
_TURN_S = 1.0  # how often the subscription looks up from listening
_ALIVE_S = 30.0  # a connection that TCP still believes in is asked whether it lives
_RECENT = 10_000
_KNOWN_S = 5.0


class Ear:
    """One who waits: told from any thread, listens in its own loop. `None` hears of an agent's
    threads, whichever they are. `whose` is the ref of who holds it open: they are in doubt when
    access of theirs was taken away."""

    def __init__(self, thread: UUID | None, agent: int | None = None, whose: str = "") -> None:
        self.thread, self.agent, self.whose = thread, agent, whose
        self.doubted = False
        self._loop = asyncio.get_running_loop()
        self._heard = asyncio.Event()

    def tell(self) -> None:
        with suppress(RuntimeError):  # its loop has ended
            self._loop.call_soon_threadsafe(self._heard.set)

    def doubt(self) -> None:
        self.doubted = True
        self.tell()

    def take_doubt(self) -> bool:
        """Was there any since this was asked last?"""
        doubted, self.doubted = self.doubted, False
        return doubted

    async def listen(self, seconds: float) -> bool:
        """Was there something within that time?"""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._heard.wait()
        except TimeoutError:
            return False
        finally:
            self._heard.clear()
        return True


class Hub:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_thread: dict[UUID, set[Ear]] = {}
        self._by_agent: dict[int, set[Ear]] = {}
        self._by_holder: dict[str, set[Ear]] = {}
        self._recent: OrderedDict[UUID, int] = OrderedDict()
        self._parts: dict[UUID, tuple[float, frozenset[int]]] = {}

    def add(self, ear: Ear) -> None:
        with self._lock:
            if ear.thread is not None:
                self._by_thread.setdefault(ear.thread, set()).add(ear)
            elif ear.agent is not None:
                self._by_agent.setdefault(ear.agent, set()).add(ear)
            if ear.whose:
                self._by_holder.setdefault(ear.whose, set()).add(ear)

    def remove(self, ear: Ear) -> None:
        with self._lock:
            if ear.thread is not None:
                _take(self._by_thread, ear.thread, ear)
            elif ear.agent is not None:
                _take(self._by_agent, ear.agent, ear)
            if ear.whose:
                _take(self._by_holder, ear.whose, ear)

    def newest(self, thread: UUID) -> int:
        """The last number that was told of, 0 where none was."""
        return self._recent.get(thread, 0)

    def tell(self, thread: UUID, seq: int) -> None:
        with self._lock:
            self._recent[thread] = max(seq, self._recent.pop(thread, 0))
            while len(self._recent) > _RECENT:
                self._recent.popitem(last=False)
            ears = list(self._by_thread.get(thread, ()))
            agents = bool(self._by_agent)
        for ear in ears:
            ear.tell()
        if agents:
            self._tell_agents(thread)

    def doubt(self, whose: str) -> None:
        """Access was taken away: nothing that is remembered of it counts any more."""
        credential_cache.clear()
        with self._lock:
            groups = [self._by_holder.get(whose, set())] if whose else self._by_holder.values()
            ears = [ear for group in groups for ear in group]
        for ear in ears:
            ear.doubt()

    def tell_all(self) -> None:
        with self._lock:
            groups = [*self._by_thread.values(), *self._by_agent.values()]
            ears = [ear for group in groups for ear in group]
        for ear in ears:
            ear.tell()

    def _tell_agents(self, thread: UUID) -> None:
        for agent in self._taking_part(thread):
            self.tell_agent(agent)

    def tell_agent(self, agent: int) -> None:
        for ear in list(self._by_agent.get(agent, ())):
            ear.tell()

    def _taking_part(self, thread: UUID) -> frozenset[int]:
        """Remembered for some seconds: who joined since looks by itself meanwhile."""
        now = time.monotonic()
        known = self._parts.get(thread)
        if known is None or known[0] < now:
            if len(self._parts) > _RECENT:
                self._parts.clear()
            rows = Participant.objects.present().filter(thread__uid=thread)
            known = (now + _KNOWN_S, frozenset(rows.values_list("agent_id", flat=True)))
            self._parts[thread] = known
        return known[1]

    def awaited(self) -> tuple[list[UUID], list[int]]:
        with self._lock:
            return list(self._by_thread), list(self._by_agent)


def _take(groups: dict[Any, set[Ear]], name: Any, ear: Ear) -> None:
    group = groups.get(name)
    if group is not None:
        group.discard(ear)
        if not group:
            del groups[name]


class Subscription(threading.Thread):
    """Hears the broker, or asks the database while there is none."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(name="threads-hub", daemon=True)
        self.hub = hub
        self._heads: dict[UUID, tuple[int, int]] = {}

    def run(self) -> None:
        while True:
            try:
                self._hear()
            except (RedisError, OSError, ValueError) as error:
                logger.warning("messages are looked for: %s", type(error).__name__)
            except Exception:
                logger.exception("the subscription to messages failed")
            self._ask_for(RECONNECT_SECONDS.value)

    def _hear(self) -> None:
        client = _client(settings.REDIS_URL)
        try:
            heard = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
            with heard:
                heard.subscribe(fanout.channel())
                # What was said while nobody listened.
                self.hub.tell_all()
                self._heads.clear()
                while True:
                    message = heard.get_message(timeout=_TURN_S)
                    if message is not None:
                        self._told(message.get("data"))
        finally:
            client.close()

    def _told(self, data: Any) -> None:
        try:
            said = json.loads(data)
            if said.get("what") == fanout.ACCESS:
                self.hub.doubt(str(said["whose"]))
                return
            if said.get("what") == fanout.PUSH:
                self.hub.tell_agent(int(said["agent"]))
                return
            thread, seq = UUID(said["thread"]), int(said["seq"])
        except (AttributeError, TypeError, ValueError, KeyError):
            logger.warning("a hint that can't be read")
            return
        try:
            self.hub.tell(thread, seq)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("hints wait for the database: %s", type(error).__name__)
        finally:
            connections.close_all()

    def _ask_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self._ask()
            except (DatabaseError, InterfaceError) as error:
                logger.warning("messages are not looked for: %s", type(error).__name__)
            finally:
                connections.close_all()
            time.sleep(POLL_SECONDS.value)

    def _ask(self) -> None:
        threads, agents = self.hub.awaited()
        if not threads and not agents:
            self._heads.clear()
            return
        now = heads(threads, agents)
        for thread, head in now.items():
            if self._heads.get(thread) != head:
                self.hub.tell(thread, head[0])
        self._heads = now
        for agent in to_push(agents):
            self.hub.tell_agent(agent)


def heads(threads: Iterable[UUID], agents: Iterable[int]) -> dict[UUID, tuple[int, int]]:
    """How far the threads are that somebody waits for: {thread: (number, version)}."""
    theirs = Participant.objects.present().filter(agent_id__in=list(agents)).values("thread_id")
    wanted = Q(uid__in=list(threads)) | Q(pk__in=theirs)
    rows = Thread.objects.filter(wanted).order_by().values_list("uid", "last_seq", "version")
    return {uid: (seq, version) for uid, seq, version in rows}


def to_push(agents: Iterable[int]) -> set[int]:
    """Those of them whose streams have somebody to wake."""
    rows = WakeAttempt.objects.to_push().filter(trigger__agent_id__in=list(agents))
    return set(rows.values_list("trigger__agent_id", flat=True))


def _client(url: str) -> Redis:
    return Redis.from_url(
        plain_url(url),
        socket_timeout=_CONNECT_S,
        socket_connect_timeout=_CONNECT_S,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=_ALIVE_S,
    )


hub = Hub()
_listening_in = 0
_starting = threading.Lock()


def begin() -> None:
    """See to it that this process listens. Cheap enough for every request; a fork copies no
    threads, so it is asked again."""
    global _listening_in
    if _listening_in == os.getpid():
        return
    with _starting:
        if _listening_in != os.getpid():
            _listening_in = os.getpid()
            Subscription(hub).start()
