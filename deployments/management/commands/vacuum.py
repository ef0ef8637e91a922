"""VACUUM ANALYZE now, as the weekly job does."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.lib.errors import ControlPlaneError
from deployments.maintenance import upkeep


class Command(BaseCommand):
    help = "Vacuum and analyse every table of the database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the counts as JSON.")

    def handle(self, **options: Any) -> None:
        try:
            counts = upkeep.vacuum()
        except (ControlPlaneError, TimeoutError) as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps(counts))
            return
        self.stdout.write(f"{counts['tables']} tables, {counts['dead_rows']:,} dead rows.")
        if counts["left_out"]:
            self.stdout.write(f"Left out, not this role's: {counts['not_allowed']}.")
