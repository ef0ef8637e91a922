"""A hint after commit that there is work: it saves latency and nothing depends on it.

The hint is published by one background thread per process, never by the request: a broker that
hangs must not hang whoever wrote a row. Many commits within a moment become one message. A lost
hint costs at most the second until the next tick.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from controlplane.lib import clock, defaults

logger = logging.getLogger(__name__)

GATHER = defaults.define(
    "jobs.nudge_gather_s", 0.05, unit="seconds", why="Commits within it share one hint."
)
MUTE = defaults.define(
    "jobs.nudge_mute_s", 5.0, unit="seconds", why="Pause after a failed hint; ticks go on anyway."
)


class Nudger:
    """Coalesces hints into calls of `publish`."""

    def __init__(self, publish: Callable[[], None]) -> None:
        self._publish = publish
        self._wanted = threading.Event()
        self._stop = threading.Event()
        self._pid = 0
        self._lock = threading.Lock()

    def poke(self) -> None:
        """Ask for a hint. Starts the thread on first use, also after a fork, which copies
        this object but not its thread."""
        if self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    self._pid = os.getpid()
                    threading.Thread(target=self._run, name="nudger", daemon=True).start()
        self._wanted.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wanted.wait()
            self._wanted.clear()
            self._stop.wait(GATHER.value if self.say() else MUTE.value)

    def say(self) -> bool:
        """Publish once. A failure is logged and swallowed: the tick finds the row."""
        try:
            self._publish()
        except Exception as error:  # noqa: BLE001  (any broker trouble is only latency)
            logger.warning("the engine was not nudged: %s", error)
            return False
        return True


def _send_tick() -> None:
    from controlplane.jobs.tasks import tick

    tick.apply_async(kwargs={"sender": "nudge"}, expires=5, retry=False)


_nudger = Nudger(_send_tick)


def after_commit(*, due_at: datetime | None = None) -> None:
    """Nudge the engine once this transaction commits, unless the work is for later anyway."""
    if due_at is not None and due_at > clock.now() + timedelta(seconds=1):
        return
    transaction.on_commit(_nudger.poke)
