from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.lib.errors import ControlPlaneError
from missions.threads.waking import commands
from missions.threads.waking.supervisor import Supervisor


class Command(BaseCommand):
    help = (
        "Wake sleeping participants of agents' threads. Any number may run, on any machine; each"
        " wake is in one's hands at a time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="what is due now, then stop")
        parser.add_argument("--name", default="", help="of its sign of life (default: made)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            commands.allowed()
        except ControlPlaneError as error:
            raise CommandError(error.message) from None
        supervisor = Supervisor(options["name"])
        if options["once"]:
            for what, count in sorted(supervisor.once().items()):
                self.stdout.write(f"{what}: {count}")
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.stop())
        supervisor.run()
