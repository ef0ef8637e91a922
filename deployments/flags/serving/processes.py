"""What runs in each process that answers requests or does work: the watcher of flags, and beside
it the writing of what was counted, which may wait for locks and must not delay a kill."""

from __future__ import annotations

import os
from typing import Any

from celery import signals

from controlplane.jobs.hands import Loop
from controlplane.lib.defaults import define
from deployments.flags.serving import counting, watching

WRITE_SECONDS = define(
    "flags.write_counts_seconds",
    5.0,
    unit="seconds",
    why="Counts of a process that is killed are lost; one statement a table each time.",
)


def begin() -> None:
    """See to it that both run in this process. Cheap enough for every request; a fork copies no
    threads, so it is asked again."""
    watching.watch()
    if counting.written_in != os.getpid():
        counting.written_in = os.getpid()
        Loop("flags-counts", WRITE_SECONDS.value, counting.flush).start()


def _in_worker(**_: Any) -> None:
    begin()


def install() -> None:
    """Connect to Celery: a worker's children do the work, each on its own."""
    signals.worker_ready.connect(_in_worker, weak=False)
    signals.worker_process_init.connect(_in_worker, weak=False)
