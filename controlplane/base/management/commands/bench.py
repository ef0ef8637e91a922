"""`manage.py bench NAME|all`: what our code costs on this machine, as ratios."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from controlplane.base import bench


class Command(BaseCommand):
    help = "Measure a part of the portal against doing without it, in a database of its own."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", default="", help="a measurement, or all")
        parser.add_argument("--seconds", type=float, default=2.0, help="per figure")
        parser.add_argument("--rows", type=int, default=0, help="of data, where it has any")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        known = bench.discover()
        wanted = options["name"]
        if not wanted:
            for entry in known.values():
                self.stdout.write(f"{entry.name}: {entry.doc}")
            return
        names = list(known) if wanted == "all" else [wanted]
        if not set(names) <= known.keys():
            raise CommandError(f"No bench {wanted}. There are: {', '.join(known) or 'none'}.")
        if not 0.05 <= options["seconds"] <= 600:
            raise CommandError("--seconds: from 0.05 to 600.")
        if not 0 <= options["rows"] <= 10_000_000:
            raise CommandError("--rows: up to ten million.")
        self.stdout.write(self._measure(names, options))

    def _measure(self, names: list[str], options: dict[str, Any]) -> str:
        try:
            with bench.scratch_database():
                about = bench.machine()
                results = {}
                for name in names:
                    self.stderr.write(f"measuring {name} …")
                    with bench.quiet():
                        run = bench.Run(seconds=options["seconds"], rows=options["rows"])
                        results[name] = bench.run(name, run)
        except DatabaseError as error:
            raise CommandError(
                f"The measuring database could not be used: {error}".strip()
                + " The role in DATABASE_OWNER_URL (or DATABASE_URL) needs CREATEDB."
            ) from error
        return (bench.as_json if options["json"] else bench.as_markdown)(about, results)
