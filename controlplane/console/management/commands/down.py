"""`manage.py down`: stop what `up` started from this state folder, and nothing else."""

from __future__ import annotations

import argparse
import os
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from controlplane.embedded import discovery, processes
from controlplane.embedded.state import Run, State
from controlplane.embedded.supervise import stop_leftovers

PATIENCE = 60.0  # the sum of what each process may take to stop cleanly


class Command(BaseCommand):
    help = "Stop the portal that runs from this state folder."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        # Taken by manage.py before settings load; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="state folder (default: .state)")

    def handle(self, *args: Any, **options: Any) -> None:
        state = State.at(settings.STATE_DIR)
        run = Run.read(state)
        supervisor = run.supervisor
        # One that was killed couldn't do it itself.
        discovery.forget(state)
        if supervisor and processes.is_alive(supervisor):
            self._stop(supervisor)
        elif not run.leftovers():
            self.stdout.write(f"Nothing runs from {state.root}.")
            return
        if not stop_leftovers(run, self.stdout.write):
            raise CommandError("Run this as the user named above, or as root.")
        self.stdout.write("Stopped.")

    def _stop(self, supervisor: processes.Identity) -> None:
        self.stdout.write(f"Stopping the portal (pid {supervisor.pid})")
        self.stdout.flush()
        try:
            os.kill(supervisor.pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        except PermissionError:
            raise CommandError(
                f"{processes.describe(supervisor.pid)} belongs to another user: run this as that "
                "user, or as root."
            ) from None
        if not processes.wait_until(lambda: not processes.is_alive(supervisor), PATIENCE):
            self.stdout.write("It doesn't stop by itself and is killed.")
            processes.stop(supervisor, first=signal.SIGKILL)
