from __future__ import annotations

import os
import re
import secrets
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections

from controlplane.console import chaos, chaos_doors
from controlplane.console.management.commands import _own_servers
from controlplane.jobs import heartbeats
from controlplane.jobs.management.commands.engine import turn
from controlplane.lib.dsn import with_database


class Command(BaseCommand):
    help = (
        "Kill processes at random under traffic, on rows in a scratch database and then on every"
        " door of a portal of its own, and prove that nothing is lost and nothing doubled. Give"
        " --broker a Redis database that holds nothing else."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seconds", type=float, default=60)
        parser.add_argument("--seed", type=int, default=None)
        parser.add_argument("--broker", default="", help="its database is emptied; default: 15")
        parser.add_argument("--part", choices=("all", "rows", "doors"), default="all")
        parser.add_argument("--kills", type=int, default=30, help="of the part with doors")
        parser.add_argument("--turn", action="store_true", help="be one of the victims")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["turn"]:
            _turn_for_ever()
        if options["part"] != "doors":
            _own_servers.or_end(self.stderr)
        seed = options["seed"] if options["seed"] is not None else secrets.randbelow(10**6)
        self.stdout.write(f"seed {seed}, {options['seconds']:.0f} s")
        wrong = []
        if options["part"] != "doors":
            wrong += self._rows(seed, options)
        if options["part"] != "rows":
            wrong += self._doors(seed, options)
        if wrong:
            raise CommandError("; ".join(wrong) + f" (seed {seed})")

    def _doors(self, seed: int, options: dict[str, Any]) -> list[str]:
        """What was missed."""
        self.stdout.write("on every door of a portal of its own")
        plan = chaos_doors.Plan(options["seconds"], options["kills"], seed)
        told = chaos_doors.hold(plan)
        for line in told.lines():
            self.stdout.write(line)
        return told.missed()

    def _rows(self, seed: int, options: dict[str, Any]) -> list[str]:
        """What was lost."""
        name = f"chaos_{os.getpid()}"
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder, chaos.scratch_database(name):
            call_command("migrate", verbosity=0)
            audit, kills = chaos.run(
                seconds=options["seconds"],
                seed=seed,
                folder=Path(folder),
                database_url=with_database(os.environ["DATABASE_URL"], name),
                broker_url=options["broker"] or other_broker(settings.REDIS_URL),
            )
        for what, count in sorted(kills.items()):
            self.stdout.write(f"killed       {what} x {count}")
        for line in audit.lines():
            self.stdout.write(line)
        return [f"lost: {', '.join(audit.lost[:20])}"] if audit.lost else []


def _turn_for_ever() -> None:
    while True:
        try:
            heartbeats.beat("engine")
            turn()
        except DatabaseError:
            connections.close_all()
        time.sleep(0.2)


def other_broker(url: str) -> str:
    """The same server, database 15: the portal's own must not be emptied."""
    if url.startswith(("redis+socket:", "unix:")):
        return url.split("?", 1)[0] + "?virtual_host=15"
    return re.sub(r"(//[^/]*)(/\d*)?$", r"\g<1>/15", url)
