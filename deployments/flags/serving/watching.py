"""The watcher: one daemon thread in each web, stream and worker process.

It has a connection of its own outside the pool, so that neither a full pool nor a slow request
delays a kill. A NOTIFY wakes it; a look at the revisions each `flags.look_seconds` finds what no
NOTIFY told: a connection that broke, or a pooler between us and the database. The broker has no
part in it.

The server's own time limits end nothing when it falls silent, and TCP takes its time: each wait for
an answer has an end here too, after which the connection is given up and another one made.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

import psycopg
from django.db import connections

from controlplane.base.api import throttles
from controlplane.lib.defaults import define
from deployments.flags.serving import gauges
from deployments.flags.serving.store import AWAY, LOOK_SECONDS, Store, store

logger = logging.getLogger(__name__)
CHANNEL = "flags"
_ALIAS = "default"
DEADLINE_SECONDS = define(
    "flags.deadline_seconds",
    4.0,
    unit="seconds",
    why="All flags of an environment are read in a tenth of it; who waits longer waits for nobody.",
)


class Watcher:
    def __init__(self, watched: Store) -> None:
        self.store = watched
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flags-watch", daemon=True)

    def start(self) -> None:
        self.store.watched_by = os.getpid()
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        self._stop.set()
        self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._survive()
        finally:
            self.store.watched_by = 0
            connections[_ALIAS].close()

    def _survive(self) -> None:
        """Until the connection ends, whatever ends it."""
        try:
            connection = _own_connection()
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            while not self._stop.is_set():
                self._turn()
                self._wait(connection)
            return
        except AWAY as error:
            logger.warning("flags are not compared with the database: %s", error)
        except Exception:
            logger.exception("watching flags failed")
        connections[_ALIAS].close()
        gauges.watched(self.store)
        self._stop.wait(LOOK_SECONDS.value)

    def _turn(self) -> None:
        self.store.refresh()
        throttles.renew()
        gauges.watched(self.store)

    def _wait(self, connection: Any) -> None:
        """Until somebody tells of a change, or it is time to look."""
        for _ in connection.connection.notifies(timeout=LOOK_SECONDS.value, stop_after=1):
            pass


def _own_connection() -> Any:
    """This thread's Django connection, outside the pool: what is asked of models here goes over
    the very connection that listens."""
    connections[_ALIAS].close()
    wrapper: Any = connections.create_connection(_ALIAS)
    options = {k: v for k, v in wrapper.settings_dict["OPTIONS"].items() if k != "pool"}
    wrapper.settings_dict = {**wrapper.settings_dict, "OPTIONS": options, "CONN_MAX_AGE": None}
    connect = wrapper.get_new_connection
    wrapper.get_new_connection = lambda params: _with_deadline(connect(params))
    connections[_ALIAS] = wrapper
    wrapper.ensure_connection()
    return wrapper


def _with_deadline(made: Any) -> Any:
    """Every wait for this connection ends: all that is asked over it passes by its `wait`. (To
    connect has a limit of its own, `connect_timeout`.)"""
    wait = made.wait

    def within(*args: Any, **how: Any) -> Any:
        if how.get("timeout") is not None:
            return wait(*args, **how)  # it waits for news, which need not come
        limit = DEADLINE_SECONDS.value
        until = time.monotonic() + limit
        try:
            return wait(*args, **{**how, "timeout": limit})
        except Exception:
            if time.monotonic() < until:
                raise
        # Closed, so that whatever is tidied up after this (a rollback) does not wait once more.
        made.close()
        raise psycopg.OperationalError(f"the database has not answered for {limit:g} s")

    made.wait = within
    return made


_watcher: Watcher | None = None
_starting = threading.Lock()


def watch() -> None:
    """See to it that this process watches. Cheap enough for every request."""
    if store.watched_by != os.getpid():
        _begin()


def _begin() -> None:
    global _watcher
    with _starting:
        if store.watched_by == os.getpid():
            return
        _watcher = Watcher(store)
        _watcher.start()


def stop() -> None:
    global _watcher
    with _starting:
        if _watcher is not None:
            _watcher.stop()
            _watcher = None


def _after_fork() -> None:
    global _starting, _watcher
    _starting, _watcher = threading.Lock(), None


os.register_at_fork(after_in_child=_after_fork)
__all__ = ["CHANNEL", "Watcher", "stop", "watch"]
