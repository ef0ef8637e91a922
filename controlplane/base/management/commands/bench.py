"""`manage.py bench NAME|all`: what our code costs on this machine, as ratios."""

from __future__ import annotations

from pathlib import Path
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
        parser.add_argument(
            "--json", nargs="?", const="-", default="", metavar="FILE",
            help="as JSON: printed, or kept in a file while the table is printed",
        )  # fmt: skip
        parser.add_argument(
            "--original", default="", metavar="PATH",
            help="threads: a built checkout of the TypeScript original, measured in the same run",
        )  # fmt: skip

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
        missed = self._measure(names, options)
        if missed:
            raise CommandError("The agreed levels were missed. " + "; ".join(missed) + ".")

    def _measure(self, names: list[str], options: dict[str, Any]) -> list[str]:
        """What was missed."""
        results, runs = {}, []
        try:
            with bench.scratch_database():
                about = bench.machine()
                for name in names:
                    self.stderr.write(f"measuring {name} …")
                    with bench.quiet():
                        run = bench.Run(
                            seconds=options["seconds"],
                            rows=options["rows"],
                            original=options["original"],
                        )
                        results[name] = bench.run(name, run)
                    runs.append(run)
        except DatabaseError as error:
            raise CommandError(
                f"The measuring database could not be used: {error}".strip()
                + " The role in DATABASE_OWNER_URL (or DATABASE_URL) needs CREATEDB."
            ) from error
        file = options["json"]
        if file:
            text = bench.as_json(about, results, [run.report for run in runs])
            if file == "-":
                self.stdout.write(text)
            else:
                Path(file).write_text(text + "\n", encoding="utf-8")
        if file != "-":
            self.stdout.write(bench.as_markdown(about, results))
        return [each for run in runs for each in run.missed]
