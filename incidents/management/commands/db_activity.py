"""What the database is doing, and ending a query that has run for too long."""

from __future__ import annotations

import getpass
import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.lib import actors, context
from controlplane.lib.errors import ControlPlaneError
from incidents.runbooks import activity
from incidents.runbooks.numbers import END_QUERY_S, LONG_QUERY_S


class Command(BaseCommand):
    help = (
        "Show the database's connections and the queries that run for long, without the values "
        "that stand in them. With --terminate, end one of them: it is on record."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--longer", type=int, default=LONG_QUERY_S.value, metavar="SECONDS",
            help="show what has run for so long (default: %(default)s)",
        )  # fmt: skip
        parser.add_argument("--terminate", type=int, metavar="PID", help="end this process")
        parser.add_argument(
            "--older-than", type=int, metavar="SECONDS",
            help=f"with --terminate, needed: only if it has run for so long ({END_QUERY_S.value} "
            "is the rule)",
        )  # fmt: skip
        parser.add_argument("--reason", default="", help="with --terminate, needed: why")
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["terminate"] is not None:
            self._terminate(options)
            return
        if options["longer"] < 0:
            raise CommandError("--longer: seconds, from 0 on.")
        used, most = activity.limit()
        held = activity.connections()
        long = activity.long_queries(options["longer"])
        if options["json"]:
            told = {
                "connections": used, "most": most, "by_program": [asdict(row) for row in held],
                "longer_s": options["longer"], "queries": [asdict(row) for row in long],
            }  # fmt: skip
            self.stdout.write(json.dumps(told, default=str))
            return
        self.stdout.write(f"{used} of at most {most} connections.")
        for row in held:
            program = row.program or "(no name)"
            self.stdout.write(
                f"  {row.number:4}  {row.state:22} {program}, the longest for {row.longest_s:.0f} s"
            )
        self._long(long, options["longer"])

    def _long(self, long: list[activity.Long], seconds: int) -> None:
        if not long:
            self.stdout.write(f"Nothing has run for {seconds} s.")
            return
        self.stdout.write(f"Has run for {seconds} s or longer:")
        for row in long:
            waits = f", waits for {row.waits_for}" if row.waits_for else ""
            blocked = ", ".join(str(pid) for pid in row.blocked_by)
            behind = f", blocked by {blocked}" if blocked else ""
            self.stdout.write(
                f"  {row.pid:8}  {row.lasted_s:7.0f} s  {row.state}, {row.role}, "
                f"{row.program or '(no name)'}{waits}{behind}"
            )
            self.stdout.write(f"            {row.query}")

    def _terminate(self, options: dict[str, Any]) -> None:
        if options["older_than"] is None:
            raise CommandError("Say from which age on: --older-than with seconds.")
        if not options["reason"].strip():
            raise CommandError("Say why: --reason.")
        actor = actors.job(f"command:{getpass.getuser()}"[:70])
        with context.bind(**context.resumed(""), source="command"):
            try:
                ended = activity.terminate(
                    options["terminate"], actor=actor, reason=options["reason"],
                    longer_s=options["older_than"],
                )  # fmt: skip
            except ControlPlaneError as error:
                raise CommandError(error.message) from error
        self.stdout.write(f"Ended process {ended.pid}, which had run for {ended.lasted_s:.0f} s.")
