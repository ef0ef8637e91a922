"""`manage.py bench NAME|all`: what our code costs on this machine, as ratios."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from controlplane.base import bench, bench_all, bench_docs
from controlplane.console.management.commands import _own_servers
from controlplane.lib.ending import asked_to_end
from controlplane.lib.errors import Invalid


class Command(BaseCommand):
    help = "Measure a part of the portal against doing without it, in a database of its own."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", default="", help="a measurement, or all")
        parser.add_argument(
            "--seconds", type=float, default=None, help="per figure; of load: all of it"
        )
        parser.add_argument("--rows", type=int, default=0, help="of data, where it has any")
        parser.add_argument(
            "--profile", default="", help="load: baseline, baseline2x, peak, stress"
        )
        parser.add_argument(
            "--within", type=float, default=3_600.0, help="all: seconds for the whole of it"
        )
        parser.add_argument(
            "--each", type=float, default=900.0, help="all: seconds for one of them"
        )
        parser.add_argument(
            "--markdown", default="", metavar="FILE", help="keep the table in a file, too"
        )
        parser.add_argument(
            "--docs", action="store_true",
            help="write what was measured into the pages of docs/ that speak of it",
        )  # fmt: skip
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
        if options["seconds"] is not None and not 0.05 <= options["seconds"] <= 3_600:
            raise CommandError("--seconds: from 0.05 to 3600.")
        if not 0 <= options["rows"] <= 10_000_000:
            raise CommandError("--rows: up to ten million.")
        if not all(known[name].own for name in names):
            _own_servers.or_end(self.stderr)
        run = bench.Run(
            seconds=options["seconds"] or (known[names[0]].seconds if wanted != "all" else 2.0),
            rows=options["rows"],
            original=options["original"],
            profile=options["profile"],
            say=self.stderr.write,
        )
        try:
            with asked_to_end():
                wrong = (
                    self._all(names, run, options)
                    if wanted == "all"
                    else self._one(names[0], run, options)
                )
        except DatabaseError as error:
            raise CommandError(
                f"The measuring database could not be used: {error}".strip()
                + " The role in DATABASE_OWNER_URL (or DATABASE_URL) needs CREATEDB."
            ) from error
        except Invalid as error:
            raise CommandError(error.message) from None
        if wrong:
            raise CommandError("The agreed levels were missed. " + "; ".join(wrong) + ".")

    def _one(self, name: str, run: bench.Run, options: dict[str, Any]) -> list[str]:
        """What was missed."""
        with nullcontext() if bench.BENCHES[name].own else bench.scratch_database():
            about = bench.machine()
            self.stderr.write(f"measuring {name} …")
            with bench.quiet():
                results = {name: bench.run(name, run)}
        self._tell(
            bench.as_markdown(about, results), bench.as_json(about, results, [run.report]), options
        )
        self._document(about, run.blocks, options)
        return run.missed

    def _all(self, names: list[str], run: bench.Run, options: dict[str, Any]) -> list[str]:
        """What failed or was missed, of all."""
        with bench.scratch_database():
            about = bench.machine()
            measured = bench_all.measure_all(
                names, run, options["within"], self.stderr.write, each=options["each"]
            )
            parts = list(measured)
        rows = {part.name: part.rows for part in parts}
        self._tell(
            bench_all.as_markdown(about, parts),
            bench.as_json(about, rows, [bench_all.as_document(parts)]),
            options,
        )
        blocks = {name: text for part in parts for name, text in part.blocks.items()}
        self._document(about, blocks, options)
        return bench_all.wrong(parts)

    def _document(
        self, about: Mapping[str, Any], blocks: Mapping[str, str], options: Mapping[str, Any]
    ) -> None:
        if options["docs"]:
            for page in bench_docs.write(Path(settings.BASE_DIR), about, blocks):
                self.stderr.write(f"renewed {page}")

    def _tell(self, table: str, document: str, options: dict[str, Any]) -> None:
        file = options["json"]
        if file == "-":
            self.stdout.write(document)
        elif file:
            Path(file).write_text(document + "\n", encoding="utf-8")
        if options["markdown"]:
            Path(options["markdown"]).write_text(table, encoding="utf-8")
        if file != "-":
            self.stdout.write(table)
