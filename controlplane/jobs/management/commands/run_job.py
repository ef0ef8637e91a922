from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.jobs import heartbeats, leases, runs
from controlplane.lib import actors
from controlplane.lib.errors import ControlPlaneError


class Command(BaseCommand):
    help = "Run one job now, here, and print what it counted. Its run stands in the history."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = runs.ask_run(options["name"], actor=actors.job("manage.py run_job"))
        except ControlPlaneError as error:
            raise CommandError(error.message) from error
        finished = runs.execute(run.pk, instance=heartbeats.instance())
        if finished is None:
            self.stdout.write("A worker was quicker and runs it now.")
            return
        finished.refresh_from_db()
        if finished.state != leases.DONE:
            raise CommandError(f"{finished.name} failed: {finished.last_error}")
        self.stdout.write(json.dumps(finished.counts))
