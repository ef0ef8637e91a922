"""A hint that something was said, for whoever waits: published after the commit, on the broker.

A hint may be lost: who waits looks again by itself every few seconds. The broker gets a moment to
take it and is left alone for some seconds when it does not.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import transaction
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from controlplane.base.api.counters import plain_url

logger = logging.getLogger(__name__)

CHANNEL = "threads"
ACCESS = "access"
PUSH = "push"
_TIMEOUT_S = 0.05
_PAUSE_S = 5.0
_PUBLISH = b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n"
_paused_until = 0.0


def after_commit(thread: Any, seq: int, what: str = "message") -> None:
    """Tell that the thread has come to this number, once it is committed."""
    text = json.dumps({"thread": str(thread), "seq": seq, "what": what}, separators=(",", ":"))
    transaction.on_commit(lambda: _publish(text))


def doubt(whose: str) -> None:
    """Tell that somebody's access was taken away, "" for anybody's: whoever they are, what they
    hold open is looked at. Called once that is committed."""
    _publish(json.dumps({"what": ACCESS, "whose": whose}, separators=(",", ":")))


def push(agent: int) -> None:
    """Tell the streams of an agent that one of them is to wake it."""
    text = json.dumps({"what": PUSH, "agent": agent}, separators=(",", ":"))
    transaction.on_commit(lambda: _publish(text))


def channel() -> str:
    """One for each installation that shares a broker's numbers: publishing knows none of them."""
    return f"{CHANNEL}:{settings.DATABASES['default'].get('NAME', '')}"


def _publish(text: str) -> None:
    global _paused_until
    if time.monotonic() < _paused_until:
        return
    try:
        _line(settings.REDIS_URL).say(channel().encode(), text.encode())
    except (RedisError, OSError, ValueError) as error:
        _paused_until = time.monotonic() + _PAUSE_S
        logger.warning("messages are not announced: %s", type(error).__name__)


class _Line:
    """A connection that says something and reads the answer when it speaks again: by then that is
    there, and nobody who posts waits for the broker. What went wrong is seen one message later."""

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool.from_url(
            plain_url(url),
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
        )
        self._lock = threading.Lock()
        self._open: Any = None
        self._owed = False
        self._pid = 0

    def say(self, where: bytes, what: bytes) -> None:
        with self._lock:
            try:
                self._say(where, what)
            except BaseException:
                self._hang_up()
                raise

    def _say(self, where: bytes, what: bytes) -> None:
        if self._open is None or self._pid != os.getpid():  # a fork copies no connection of use
            self._open, self._owed, self._pid = self._pool.make_connection(), False, os.getpid()
            self._open.connect()
        if self._owed:
            self._open.read_response()
        self._owed = True
        said = (len(where), where, len(what), what)
        self._open.send_packed_command([_PUBLISH % said], check_health=False)

    def _hang_up(self) -> None:
        if self._open is not None and self._pid == os.getpid():
            self._open.disconnect()
        self._open = None


@lru_cache(maxsize=4)
def _line(url: str) -> _Line:
    return _Line(url)
