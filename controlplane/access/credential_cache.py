"""What this process has verified in the last seconds, so that a busy caller costs no query.

A revocation made in this process empties the cache at once. Another process notices within
`access.credential_cache_seconds`: the documented limit of how long a revoked key or token may
still be accepted. Set it to 0 to look every credential up on every request. Who passes the news on
to other processes registers with `on_forget`; they call `clear` when they hear of it.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Lock

from django.db import transaction

from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define

SECONDS = define(
    "access.credential_cache_seconds",
    5.0,
    unit="seconds",
    why="A revoked credential may live this long in another process; a look-up costs ~0.8 ms CPU.",
)
KNOWN_SECONDS = 3600.0
SIZE = 5_000


@dataclass(frozen=True, slots=True)
class _Entry:
    actor: Actor
    checked_at: float
    ends_at: float


_entries: OrderedDict[bytes, _Entry] = OrderedDict()
_lock = Lock()
_generation = 0
_hearers: list[Callable[[str], None]] = []


def name_of(credential: str) -> bytes:
    """The cache never holds a secret, only its hash."""
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()


def generation() -> int:
    return _generation


def find(name: bytes) -> Actor | None:
    entry = _entries.get(name)
    if entry is None:
        return None
    at = clock.now().timestamp()
    if 0 <= at - entry.checked_at < SECONDS.value and at < entry.ends_at:
        return entry.actor
    return None


def known(name: bytes) -> bool:
    """Was this credential good within the hour? Such a caller is looked up again, but is not
    held back because somebody else guesses keys from the same address."""
    entry = _entries.get(name)
    return entry is not None and clock.now().timestamp() - entry.checked_at < KNOWN_SECONDS


def keep(name: bytes, actor: Actor, *, ends_at: float, seen: int) -> None:
    """Remember, unless something was revoked since the look-up began (`seen` = `generation()`
    before it): storing then would bring back what `forget` has just thrown away."""
    with _lock:
        if seen != _generation:
            return
        _entries[name] = _Entry(actor, clock.now().timestamp(), ends_at)
        _entries.move_to_end(name)
        while len(_entries) > SIZE:
            _entries.popitem(last=False)


def drop(name: bytes) -> None:
    with _lock:
        _entries.pop(name, None)


def on_forget(hear: Callable[[str], None]) -> None:
    """Call it once access was taken away, with the ref of whose; "" where it may be anybody's."""
    if hear not in _hearers:
        _hearers.append(hear)


def forget(whose: str = "") -> None:
    """Called by every service that takes access away: now, and again when it is committed,
    because a look-up between the two still reads the old row."""
    clear()
    transaction.on_commit(partial(_forgotten, whose))


def _forgotten(whose: str) -> None:
    clear()
    for hear in _hearers:
        hear(whose)


def clear() -> None:
    global _generation
    with _lock:
        _generation += 1
        _entries.clear()
