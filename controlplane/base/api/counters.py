"""Counting in fixed windows, shared through Valkey and allowed to be wrong.

A counter must never cost more than it protects. So large limits are counted in the process and
exchanged in batches, the broker gets a few milliseconds to answer, and when it does not, each
process counts for itself and asks again some seconds later.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from controlplane.lib import clock

logger = logging.getLogger(__name__)

_TIMEOUT_S = 0.05
_PAUSE_S = 5.0  # how long a broker that failed is left alone
_EXCHANGE_S = 0.5
_KEPT = 20_000


@dataclass(slots=True)
class _Bucket:
    window: int
    known: int = 0  # the count all processes had at the last exchange
    pending: int = 0  # counted here since
    exchanged_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Count:
    allowed: bool
    limit: int
    remaining: int
    resets_in: float


_buckets: dict[str, _Bucket] = {}
_lock = Lock()
_paused_until = 0.0


def take(name: str, *, limit: int, period: int) -> Count:
    """Count one. Never raises; with the broker down the count is this process's own."""
    at = clock.now().timestamp()
    window = int(at // period)
    with _lock:
        bucket = _bucket(name, window)
        bucket.pending += 1
        # Within a hundredth of the limit is near enough; a small limit is exchanged every time.
        due = bucket.pending > limit // 100 or not 0 <= at - bucket.exchanged_at < _EXCHANGE_S
        sending = bucket.pending if due else 0
        if due:
            bucket.pending, bucket.exchanged_at = 0, at
            bucket.known += sending
        used = bucket.known + bucket.pending
    if sending:
        total = _exchange(f"throttle:{name}:{window}", sending, period, at)
        if total is not None:
            with _lock:
                bucket.known = max(bucket.known, total)
                used = bucket.known + bucket.pending
    return Count(used <= limit, limit, max(0, limit - used), (window + 1) * period - at)


def _bucket(name: str, window: int) -> _Bucket:
    bucket = _buckets.get(name)
    if bucket is None or bucket.window != window:
        if len(_buckets) >= _KEPT:
            _buckets.clear()
        bucket = _buckets[name] = _Bucket(window)
    return bucket


def _exchange(key: str, number: int, period: int, at: float) -> int | None:
    global _paused_until
    if _paused_until - _PAUSE_S <= at < _paused_until:
        return None
    try:
        with _client(settings.REDIS_URL).pipeline(transaction=False) as pipe:
            pipe.incrby(key, number)
            pipe.expire(key, period * 2)
            return int(pipe.execute()[0])
    except (RedisError, OSError, ValueError) as error:
        _paused_until = at + _PAUSE_S
        logger.warning("rate limits are counted per process: %s", type(error).__name__)
        return None


def forget() -> None:
    """Start counting anew in this process, and ask the broker again."""
    global _paused_until
    with _lock:
        _buckets.clear()
        _paused_until = 0.0


@lru_cache(maxsize=4)
def _client(url: str) -> Redis:
    return Redis.from_url(
        plain_url(url),
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )


def plain_url(url: str) -> str:
    """Celery writes `redis+socket:///path?virtual_host=1` for what redis-py calls `unix:`."""
    parts = urlsplit(url)
    if parts.scheme not in {"redis+socket", "unix"}:
        return re.sub(r"^valkey", "redis", url)
    query = parse_qs(parts.query)
    number = (query.get("virtual_host") or query.get("db") or ["0"])[0]
    return f"unix://{parts.path}?db={number}"
