from __future__ import annotations

import signal
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connections

from controlplane.jobs import alarms, engine, heartbeats, runs
from controlplane.jobs.models import JobRun


class Command(BaseCommand):
    help = "Turn the engine by hand: timers, jobs, signals and sending, with no broker at all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--once", action="store_true", help="one turn, then stop (the default)")
        how.add_argument("--loop", action="store_true", help="a turn each second until stopped")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["loop"]:
            for name, count in turn().items():
                self.stdout.write(f"{name}: {count}")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.is_set():
            started = time.monotonic()
            self._survive()
            stop.wait(max(0.0, 1.0 - (time.monotonic() - started)))

    def _survive(self) -> None:
        """The loop outlives a database restart: that is what it is run for."""
        try:
            heartbeats.beat("worker")
            turn()
            alarms.look()
        except DatabaseError as error:
            self.stderr.write(f"the database does not answer: {error}")
            connections.close_all()


def turn() -> dict[str, int]:
    """One turn here, with job runs executed in this process one after another."""
    finished = 0

    def here(run: JobRun) -> None:
        nonlocal finished
        finished += runs.execute(run.pk, instance=heartbeats.instance()) is not None

    with runs.sent_by(here):
        done = engine.tick(instance=heartbeats.instance())
    return {**done, "job runs": finished}
