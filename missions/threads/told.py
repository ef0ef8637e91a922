"""What is told to telemetry: gathered in memory, reported every few seconds, by no request.

An event for each message would cost as much as the message. What a process that is killed still
holds goes with it: a few seconds' worth. With the database away it waits, up to a limit; what comes
beyond is counted as left out, and said.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from typing import Any

from celery import signals
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from psycopg_pool import PoolTimeout

from controlplane.access.models import Workspace
from controlplane.jobs.hands import Loop
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import ControlPlaneError, Unavailable
from controlplane.lib.ids import uuid7
from missions.threads.services.common import PORTAL
from telemetry.ingest.accepting import report

logger = logging.getLogger(__name__)
_AWAY = (OperationalError, InterfaceError, PoolTimeout, Unavailable)

SECONDS = define(
    "threads.tell_seconds", 5.0, unit="seconds", why="A killed process loses so much of its counts."
)
MOST = define(
    "threads.tell_most", 20_000, unit="events", why="Kept in memory while the database is away."
)
_BATCH = 2_000
_SERVER_FAULT = 500

_pending: list[tuple[int, dict[str, Any]]] = []
_left_out = 0
_lock = threading.Lock()
_writing = threading.Lock()
_telling_in = 0


def tell(
    workspace_id: int, event: str, status: str, *, ms: float | None = None, **said: Any
) -> None:
    """Remember one event. Cheap, and never waits for anything."""
    global _left_out
    told: dict[str, Any] = {
        "event": event,
        "event_id": str(uuid7()),
        "status": status,
        "occurred_at": clock.now(),
        "context": {name: value for name, value in said.items() if value is not None},
    }
    if ms is not None:
        told["duration_ms"] = round(ms, 3)
    with _lock:
        if len(_pending) < MOST.value:
            _pending.append((workspace_id, told))
        else:
            _left_out += 1


def fault(actor: Actor, event: str, error: Exception) -> None:
    """It failed, and the portal is to blame; what a sender did wrong is no failure. Whose it is can
    only be told of who works in one workspace, as agents do."""
    if isinstance(error, ControlPlaneError) and error.status < _SERVER_FAULT:
        return
    if len(actor.workspace_ids) == 1:
        code = error.error_code if isinstance(error, ControlPlaneError) else type(error).__name__
        tell(next(iter(actor.workspace_ids)), event, "error", outcome=code)


def begin() -> None:
    """See to it that somebody reports in this process. Cheap enough for every request; a fork
    copies no threads, so it is asked again."""
    global _telling_in
    if _telling_in != os.getpid():
        _telling_in = os.getpid()
        Loop("threads-told", SECONDS.value, flush).start()


def flush() -> None:
    """Report what was gathered. With the database away it waits for the next time."""
    global _pending, _left_out
    with _writing:
        with _lock:
            taken, _pending = _pending, []
            lost, _left_out = _left_out, 0
        if lost:
            logger.warning("%s events of threads were left out: too many waited", lost)
        by_workspace: dict[int, list[dict[str, Any]]] = {}
        for workspace_id, told in taken:
            by_workspace.setdefault(workspace_id, []).append(told)
        for workspace_id, events in by_workspace.items():
            _report(workspace_id, events)


def _report(workspace_id: int, events: list[dict[str, Any]]) -> None:
    try:
        workspace = Workspace.objects.filter(pk=workspace_id).first()
        for begun in range(0, len(events), _BATCH):
            if workspace is not None:
                report(PORTAL, workspace, events[begun : begun + _BATCH])
    except _AWAY as error:
        logger.warning("events of threads wait for the database: %s", type(error).__name__)
        _give_back([(workspace_id, each) for each in events])
    except DatabaseError:
        logger.exception("events of threads can't be reported and are dropped")


def _give_back(taken: list[tuple[int, dict[str, Any]]]) -> None:
    """Some of them may have been stored: an event's id makes that no matter."""
    global _pending
    with _lock:
        room = MOST.value - len(_pending)
        _pending = [*taken[: max(room, 0)], *_pending]


def pending() -> int:
    return len(_pending)


def forget() -> None:
    global _pending, _left_out
    with _lock:
        _pending, _left_out = [], 0


def _in_worker(**_: Any) -> None:
    begin()


def install() -> None:
    """Connect to Celery: a worker's children do the work, each on its own."""
    signals.worker_ready.connect(_in_worker, weak=False)
    signals.worker_process_init.connect(_in_worker, weak=False)


def _after_fork() -> None:
    """The locks may be held by threads that aren't here, and the parent tells its own."""
    global _lock, _writing, _pending, _left_out, _telling_in
    _lock, _writing, _pending, _left_out = threading.Lock(), threading.Lock(), [], 0
    _telling_in = 0


os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def _last() -> None:
    """A process that ends in order tells what it still holds."""
    if _pending and _telling_in == os.getpid():
        flush()
        connections.close_all()
