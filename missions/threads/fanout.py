"""A hint that something was said, for whoever waits: published after the commit, on the broker.

A hint may be lost: who waits looks again by itself every few seconds. The broker gets a moment to
take it and is left alone for some seconds when it does not.
"""

from __future__ import annotations

import json
import logging
import time
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import transaction
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from controlplane.base.api.counters import plain_url

logger = logging.getLogger(__name__)

CHANNEL = "threads"
ACCESS = "access"
_TIMEOUT_S = 0.05
_PAUSE_S = 5.0
_paused_until = 0.0


def after_commit(thread: Any, seq: int, what: str = "message") -> None:
    """Tell that the thread has come to this number, once it is committed."""
    text = json.dumps({"thread": str(thread), "seq": seq, "what": what}, separators=(",", ":"))
    transaction.on_commit(lambda: _publish(text))


def doubt(whose: str) -> None:
    """Tell that somebody's access was taken away, "" for anybody's: whoever they are, what they
    hold open is looked at. Called once that is committed."""
    _publish(json.dumps({"what": ACCESS, "whose": whose}, separators=(",", ":")))


def channel() -> str:
    """One for each installation that shares a broker's numbers: publishing knows none of them."""
    return f"{CHANNEL}:{settings.DATABASES['default'].get('NAME', '')}"


def _publish(text: str) -> None:
    global _paused_until
    if time.monotonic() < _paused_until:
        return
    try:
        _client(settings.REDIS_URL).publish(channel(), text)
    except (RedisError, OSError, ValueError) as error:
        _paused_until = time.monotonic() + _PAUSE_S
        logger.warning("messages are not announced: %s", type(error).__name__)


@lru_cache(maxsize=4)
def _client(url: str) -> Redis:
    return Redis.from_url(
        plain_url(url),
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )
