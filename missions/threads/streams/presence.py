"""Whose streams are open in this process: said to the database of all of them at once.

Said by a thread of its own, every few seconds and as soon as somebody comes or goes. A stream whose
client takes nothing any more is not said to be open, though it is.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from django.db import DatabaseError, InterfaceError, connections

from missions.threads import numbers
from missions.threads.services import presence

logger = logging.getLogger(__name__)


class Present:
    """One open stream of a session. `tell` is called, from any thread, when it is to be told of
    something; `moved`, by the stream, each time it got something out."""

    def __init__(self, session: int, tell: Callable[[], None], patience: float) -> None:
        self.session, self.tell, self._patience = session, tell, patience
        self._moved = time.monotonic()

    def moved(self) -> None:
        self._moved = time.monotonic()

    @property
    def is_taking(self) -> bool:
        return time.monotonic() - self._moved < self._patience


class Presences:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, set[Present]] = {}
        self._gone: set[int] = set()
        self._changed = threading.Event()
        self.by = uuid4().hex

    @contextmanager
    def held(self, stream: Present) -> Iterator[None]:
        with self._lock:
            self._open.setdefault(stream.session, set()).add(stream)
            self._gone.discard(stream.session)
        self._changed.set()
        begin()
        try:
            yield
        finally:
            self._leave(stream)

    def _leave(self, stream: Present) -> None:
        with self._lock:
            others = self._open.get(stream.session, set())
            others.discard(stream)
            if not others:
                self._open.pop(stream.session, None)
                self._gone.add(stream.session)
        self._changed.set()

    def turn(self) -> None:
        """Say who is there, and who is no longer."""
        with self._lock:
            gone, self._gone = self._gone, set()
            here = [
                pk for pk, streams in self._open.items() if any(one.is_taking for one in streams)
            ]
        if gone:
            presence.left(sorted(gone), self.by)
        waiting = presence.renew(sorted(here), self.by) if here else []
        with self._lock:
            told = [stream for pk in waiting for stream in self._open.get(pk, ())]
        for stream in told:
            stream.tell()

    def run(self) -> None:
        while True:
            self._changed.wait(numbers.PRESENCE_BEAT_SECONDS.value)
            self._changed.clear()
            if not self._open and not self._gone:
                continue
            try:
                self.turn()
            except (DatabaseError, InterfaceError) as error:
                logger.warning("who streams is said later: %s", type(error).__name__)
            except Exception:
                logger.exception("who streams could not be said")
            finally:
                connections.close_all()


presences = Presences()
_saying_in = 0
_starting = threading.Lock()


def begin() -> None:
    """See to it that this process says who is there; asked again, for a fork copies no threads."""
    global _saying_in
    with _starting:
        if _saying_in != os.getpid():
            _saying_in = os.getpid()
            threading.Thread(target=presences.run, name="threads-presence", daemon=True).start()
