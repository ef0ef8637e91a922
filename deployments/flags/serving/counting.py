"""What was asked, counted in memory and written down every few seconds, by no request.

Counts of a process that is killed go with it: a few seconds' worth. With the database away they
wait, up to a limit.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db import DatabaseError, InterfaceError, OperationalError, connections
from psycopg_pool import PoolTimeout

from controlplane.lib import clock
from controlplane.lib.defaults import define
from deployments.flags.services import counts
from deployments.flags.services.apps import App
from deployments.flags.serving.names import clean

logger = logging.getLogger(__name__)
_AWAY = (OperationalError, InterfaceError, PoolTimeout)  # the rest would fail again for ever

MAX_PENDING = define(
    "flags.max_pending_counts",
    50_000,
    unit="counters",
    why="Kept in memory while the database is away; what comes beyond is not counted.",
)
MAX_NEW_NAMES = 500  # unknown flags and instances of one environment between two writings


class Answer(NamedTuple):
    """What somebody was told of a flag."""

    flag: str
    enabled: bool
    variant: str


class _Pending:
    def __init__(self) -> None:
        # (environment, application, hour) -> answer -> how often. Hour None: the present one.
        self.answers: dict[tuple[int, App, datetime | None], Counter[Answer]] = {}
        self.unknown: Counter[tuple[int, App, str]] = Counter()
        self.instances: dict[tuple[int, App, str], dict[str, Any]] = {}
        self.tokens: dict[int, datetime] = {}

    def __len__(self) -> int:
        return sum(map(len, self.answers.values())) + len(self.unknown) + len(self.instances)


_pending = _Pending()
written_in = 0  # the process in which somebody writes them down
_lock = threading.Lock()
_writing = threading.Lock()


def answered(environment_id: int, app: App, answers: Iterable[Answer]) -> None:
    """Somebody got these answers now."""
    with _lock:
        _counter(environment_id, app, None).update(answers)


def reported(environment_id: int, app: App, hour: datetime, counted: Mapping[Answer, int]) -> None:
    """An SDK tells what it answered, in that hour."""
    with _lock:
        if counted and len(_pending) < MAX_PENDING.value:
            _counter(environment_id, app, hour).update(counted)


def unknown(environment_id: int, app: App, name: str, times: int = 1) -> None:
    """A name no flag has was asked for."""
    spelled = clean(name)
    key = (environment_id, app, spelled)
    with _lock:
        known = key in _pending.unknown
        if spelled and (known or len(_pending.unknown) < MAX_NEW_NAMES):
            _pending.unknown[key] += times


def seen(environment_id: int, app: App, instance: str, **told: Any) -> None:
    """A running copy of an application showed itself, with what it tells of itself."""
    key = (environment_id, app, instance)
    with _lock:
        if key in _pending.instances or len(_pending.instances) < MAX_NEW_NAMES:
            _pending.instances.setdefault(key, {}).update(told, last_seen=clock.now())


def used(token_id: int) -> None:
    if token_id not in _pending.tokens:
        with _lock:
            _pending.tokens[token_id] = clock.now()


def _counter(environment_id: int, app: App, hour: datetime | None) -> Counter[Answer]:
    key = (environment_id, app, hour)
    found = _pending.answers.get(key)
    if found is None:
        found = _pending.answers[key] = Counter()
    return found


def pending() -> int:
    return len(_pending)


def flush() -> None:
    """Write down what was counted. With the database away it waits for the next time."""
    global _pending
    with _writing:
        with _lock:
            taken, _pending = _pending, _Pending()
        if not (len(taken) or taken.tokens):
            return
        try:
            counts.write(taken.answers, taken.unknown, taken.instances, taken.tokens)
        except _AWAY as error:
            logger.warning("counts of flags wait for the database: %s", error)
            _give_back(taken)
        except DatabaseError:
            _write_each(taken)


def _write_each(taken: _Pending) -> None:
    """Something in the batch can't be written: that goes, and the rest is kept."""
    for part in _parts(taken):
        try:
            counts.write(part.answers, part.unknown, part.instances, part.tokens)
        except _AWAY as error:
            logger.warning("counts of flags wait for the database: %s", error)
            _give_back(part)
        except DatabaseError as error:
            about = [*part.answers, *part.unknown, *part.instances, *part.tokens]
            logger.error("a count of flags can't be written and is dropped: %r: %s", about, error)


def _parts(taken: _Pending) -> Iterator[_Pending]:
    for answers, counter in taken.answers.items():
        for answer, times in counter.items():
            part = _Pending()
            part.answers[answers] = Counter({answer: times})
            yield part
    for unknown_, times in taken.unknown.items():
        part = _Pending()
        part.unknown[unknown_] = times
        yield part
    for instance, told in taken.instances.items():
        part = _Pending()
        part.instances[instance] = told
        yield part
    if taken.tokens:
        part = _Pending()
        part.tokens = taken.tokens
        yield part


def _give_back(taken: _Pending) -> None:
    with _lock:
        room = MAX_PENDING.value - len(_pending)
        for key, counter in taken.answers.items():
            if room > 0:
                _pending.answers.setdefault(key, Counter()).update(counter)
                room -= len(counter)
        for name, times in taken.unknown.items():
            _pending.unknown[name] += times
        for key_, told in taken.instances.items():
            _pending.instances.setdefault(key_, told)
        for token_id, at in taken.tokens.items():
            _pending.tokens.setdefault(token_id, at)


def forget() -> None:
    global _pending
    with _lock:
        _pending = _Pending()


def _after_fork() -> None:
    """The locks may be held by threads that aren't here, and the parent writes its counts."""
    global _lock, _writing, _pending, written_in
    _lock, _writing, _pending = threading.Lock(), threading.Lock(), _Pending()
    written_in = 0


os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def _last() -> None:
    """A process that ends in order writes what it still holds."""
    if len(_pending) and written_in == os.getpid():
        flush()
        connections.close_all()
