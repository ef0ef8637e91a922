"""The one cache helper: what a call costs again may be remembered, and nothing depends on it.

    found = cached(f"library:{workspace.pk}:{asked}", LIBRARY.value, find)
    forget(f"library:{workspace.pk}:")              # when it changed; happens after commit

Values are JSON. Without Valkey every call produces anew. The part of the key before the first
colon is its family. Each family has a generation that `forget` raises: a value whose production
began before a change is not stored after it, where it would hide the change until its time ran
out. What somebody else produces, who is not called from here, is asked for with `peek` and brought
back with `keep`, under the generation that was seen then.

How often a family is asked and has the answer is counted: `controlplane_cache_lookups_total`.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar, cast

from django.conf import settings
from django.db import transaction
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from controlplane.base.api.counters import plain_url
from controlplane.jobs import metrics
from controlplane.lib import defaults

logger = logging.getLogger(__name__)

TOOL_DISCOVERY = defaults.define(
    "cache.tool_discovery_s",
    3600,
    unit="seconds",
    why="what tools there are changes rarely; a change of a toolkit or a flag forgets it at once",
)
LIBRARY = defaults.define(
    "cache.library_s", 86_400, unit="seconds", why="library look-ups are refreshed once a day"
)
TIMEOUT_S = 0.1
PAUSE_S = 5.0
LARGEST = 1_000_000

V = TypeVar("V")
_paused_until = 0.0
# Stores only when nobody raised the family's generation meanwhile.
_STORE = """
if (redis.call('GET', KEYS[2]) or '0') == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
  return 1
end
return 0
"""
MISSING: Any = object()


def cached(key: str, ttl: int, produce: Callable[[], V]) -> V:
    """The remembered value, else what `produce` answers. Nothing (None) is remembered too."""
    seen = _ask(lambda client: client.mget([_name(key), _generation(key)]))
    if seen is None:
        _count(key, "away")
        return produce()
    found = _read(key, seen[0])
    if found is not MISSING:
        return cast("V", found)
    value = produce()
    _store(key, ttl, value, seen[1] or b"0")
    return value


def peek(keys: Sequence[str]) -> tuple[list[Any], str]:
    """What is remembered of keys of one family, `MISSING` for the others, and the generation that
    `keep` is told. It is empty when nobody answers."""
    names = [_name(key) for key in keys]
    seen = _ask(lambda client: client.mget([*names, _generation(keys[0])]))
    if seen is None:
        for key in keys:
            _count(key, "away")
        return [MISSING] * len(keys), ""
    found = [_read(key, text) for key, text in zip(keys, seen, strict=False)]
    return found, (seen[-1] or b"0").decode()


def keep(key: str, ttl: int, value: Any, generation: str) -> bool:
    """Whether it is remembered now: not what was produced before a change."""
    return bool(generation) and _store(key, ttl, value, generation.encode())


def _read(key: str, text: bytes | None) -> Any:
    if text is None:
        _count(key, "miss")
        return MISSING
    try:
        found = json.loads(text)
    except ValueError:
        logger.warning("cache: %s held no JSON", key.split(":", 1)[0])
        _count(key, "miss")
        return MISSING
    _count(key, "hit")
    return found


def _count(key: str, result: str) -> None:
    metrics.CACHE.labels(key.partition(":")[0], result).inc()


def _store(key: str, ttl: int, value: Any, generation: bytes) -> bool:
    text = json.dumps(value, separators=(",", ":"))
    if len(text) > LARGEST:
        return False
    return bool(
        _ask(
            lambda client: client.eval(
                _STORE, 2, _name(key), _generation(key), generation, text, str(int(ttl))
            )
        )
    )


def forget_tools(workspace_id: int) -> None:
    """What agents found out about tools there may be otherwise now: a toolkit, a connection or a
    flag changed."""
    forget(f"tools:{workspace_id}:")


def forget(prefix: str) -> None:
    """Drop everything whose key begins so, once the surrounding transaction has committed."""
    transaction.on_commit(lambda: _forget(prefix))


def _forget(prefix: str) -> None:
    pattern = _name(prefix).translate({ord(mark): f"\\{mark}" for mark in "*?[]\\"}) + "*"

    def drop(client: Redis) -> int:
        client.incr(_generation(prefix))
        keys = list(client.scan_iter(match=pattern, count=500))
        return int(client.unlink(*keys)) if keys else 0

    _ask(drop)


def _name(key: str) -> str:
    return f"cache:{key}"


def _generation(key: str) -> str:
    return f"cache-generation:{key.partition(':')[0]}"


def _ask(question: Callable[[Redis], Any]) -> Any:
    """The answer, or None when the server does not give one in time. After a failure it is left
    alone for some seconds, so that an outage costs one time-out and not one per call."""
    global _paused_until
    if time.monotonic() < _paused_until:
        return None
    try:
        return question(_client(settings.REDIS_URL))
    except (RedisError, OSError, ValueError) as error:
        _paused_until = time.monotonic() + PAUSE_S
        logger.warning("the cache does not answer: %s", type(error).__name__)
        return None


@lru_cache(maxsize=4)
def _client(url: str) -> Redis:
    return Redis.from_url(
        plain_url(url),
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


def wake() -> None:
    """Ask the server again at once, as after its restart."""
    global _paused_until
    _paused_until = 0.0
