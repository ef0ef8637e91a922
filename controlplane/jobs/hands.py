"""Threads that live beside the real work of each process: signs of life, the watch, and in
workers the engine's second hand.

Started by Celery's signals in workers and beat, and by the first request (or the import in a
server that forks before importing) in web and stream processes. A fork copies no threads, so
each start is remembered per process id.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from celery import signals
from django.db import DatabaseError, connections
from redis.exceptions import RedisError

from controlplane.jobs import alarms, broker, direct, engine, heartbeats
from controlplane.lib import defaults

logger = logging.getLogger(__name__)

HAND_EVERY = defaults.define(
    "jobs.worker_hand_s", 5.0, unit="seconds", why="With beat dead, rows wait at most this long."
)
GRACE = defaults.define(
    "jobs.watch_grace_s",
    45.0,
    unit="seconds",
    why="A process that just started lets the others start before it finds them silent.",
)
DATABASE_AWAY = defaults.define(
    "jobs.database_away_s", 20.0, unit="seconds", why="Then the admins are told by mail directly."
)


class Loop:
    """Calls `work` each `every` seconds in a daemon thread. An error is logged and survived."""

    def __init__(self, name: str, every: float, work: Callable[[], None]) -> None:
        self.name, self.every, self.work = name, every, work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.once()
            self._stop.wait(self.every)

    def once(self) -> None:
        try:
            self.work()
        except DatabaseError as error:
            logger.warning("%s: the database does not answer: %s", self.name, error)
        except Exception:
            logger.exception("%s failed", self.name)
        finally:
            connections.close_all()


class Watcher:
    """Sign of life and watch of one process."""

    def __init__(self, component: str, *, alive: Callable[[], bool] = lambda: True) -> None:
        self.component = component
        self.alive = alive
        self.started = time.monotonic()
        self.healthy = True
        self._away_since: float | None = None
        self._mark = direct.OncePerMachine("database")

    def __call__(self) -> None:
        _look_beside(self.component)
        try:
            self._look()
        except DatabaseError as error:
            self._database_away(str(error))
            raise
        self._away_since = None
        self._mark.over()
        if self.component == "web":
            direct.ping(healthy=self.healthy)

    def _look(self) -> None:
        if self.alive():
            heartbeats.beat(self.component)
        if time.monotonic() - self.started < GRACE.value:
            # It judges nobody yet, but says no more than the others found: a process that starts
            # again and again must not be the sign of life of a portal that stands still.
            self.healthy = not alarms.critical_open()
            return
        direct.remember_admins()
        if alarms.look() is not None:
            _drop_void_hints()
        self.healthy = not alarms.critical_open()

    def _database_away(self, why: str) -> None:
        """No rows to compare and set, so a file does: one process of this machine tells."""
        self.healthy = False
        now = time.monotonic()
        self._away_since = self._away_since or now
        if now - self._away_since >= DATABASE_AWAY.value:
            said = f"The database does not answer. {why}"
            self._mark.tell(lambda: direct.mail("database: away", said))


# What other packages do in each process at each look, whether or not the database answers.
_beside: list[Callable[[str], None]] = []


def beside(work: Callable[[str], None]) -> None:
    """Register something short that every process does every few seconds; called with the
    name of its component."""
    if work not in _beside:
        _beside.append(work)


def _look_beside(component: str) -> None:
    for work in _beside:
        try:
            work(component)
        except Exception:
            # Signs of life come first: nothing else may silence a process.
            logger.exception("%s failed beside the watch", getattr(work, "__module__", work))


def _drop_void_hints() -> None:
    """By whoever looks: with no worker alive, nobody else would stop the queues from growing."""
    try:
        dropped = broker.drop_void_hints()
    except (RedisError, OSError) as error:
        logger.info("the broker was not tidied: %s", error)
        return
    if dropped:
        logger.warning("%d hints nobody took were dropped from the broker", dropped)


_started: dict[str, int] = {}
_loops: list[Loop] = []
_lock = threading.Lock()


def _once_per_process(component: str) -> bool:
    with _lock:
        if _started.get(component) == os.getpid():
            return False
        _started[component] = os.getpid()
        return True


def start(component: str, *, alive: Callable[[], bool] = lambda: True) -> None:
    """Begin signs of life and the watch in this process; cheap to call on every request."""
    if _started.get(component) == os.getpid() or not _once_per_process(component):
        return
    _begin(Loop(f"watch-{component}", alarms.LOOK_EVERY.value, Watcher(component, alive=alive)))


def _begin(loop: Loop) -> None:
    loop.start()
    _loops.append(loop)


def start_engine_hand() -> None:
    """The second hand: turns the engine in a worker even when beat or the broker is away."""
    if _once_per_process("engine-hand"):
        _begin(Loop("engine-hand", HAND_EVERY.value, _turn))


def _turn() -> None:
    engine.tick(instance=heartbeats.instance())


def stop_all(component: str) -> None:
    while _loops:
        _loops.pop().stop()
    _started.clear()
    try:
        heartbeats.stop(component)
    except DatabaseError:
        logger.info("%s ends without the database", component)
    finally:
        connections.close_all()


class _Sending:
    """Whether beat has lately sent anything. Its process being alive is not enough."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, **_: Any) -> None:
        self.last = time.monotonic()

    def lately(self) -> bool:
        return time.monotonic() - self.last < heartbeats.STALE.value


_sending = _Sending()


def _worker_ready(**_: Any) -> None:
    start("worker")
    start_engine_hand()


def _worker_shutdown(**_: Any) -> None:
    stop_all("worker")


def _beat_init(**_: Any) -> None:
    signals.after_task_publish.connect(_sending, weak=False)
    start("beat", alive=_sending.lately)


def install() -> None:
    """Connect to Celery. Signals of Celery, not of Django: they tell of processes, not of rows."""
    signals.worker_ready.connect(_worker_ready, weak=False)
    signals.worker_shutdown.connect(_worker_shutdown, weak=False)
    signals.beat_init.connect(_beat_init, weak=False)
