"""Rebuild indexes: quarterly, or when queries have become slow."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.lib.errors import ControlPlaneError
from deployments.maintenance import upkeep


class Command(BaseCommand):
    help = "Rebuild the indexes of one table or of all, while they are in use."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--table", default="", help="Only this one.")
        parser.add_argument("--list", action="store_true", help="Print sizes, change nothing.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object a line.")

    def handle(self, **options: Any) -> None:
        try:
            self._go(**options)
        except ControlPlaneError as error:
            raise CommandError(str(error)) from None

    def _go(self, **options: Any) -> None:
        if options["list"]:
            found = sorted(upkeep.tables(), key=lambda table: -table.index_bytes)
            rows = (table for table in found if options["table"] in {"", table.name})
        else:
            rows = upkeep.reindex(options["table"])  # type: ignore[assignment]
        for table in rows:
            if options["json"]:
                shown = {
                    "table": table.name,
                    "bytes": table.bytes,
                    "index_bytes": table.index_bytes,
                    "dead_rows": table.dead,
                }
                self.stdout.write(json.dumps(shown))
            else:
                self.stdout.write(
                    f"{table.name}: {table.bytes:,} bytes, indexes {table.index_bytes:,} bytes, "
                    f"{table.dead:,} dead rows"
                )
