"""A copy of the portal's database for testing, without people in it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.lib import actors
from controlplane.lib.errors import ControlPlaneError
from controlplane.privacy import copying, services

RULES = "words lose their letters, addresses lead nowhere, keys open nothing, the log is emptied"


class Command(BaseCommand):
    help = (
        "Restore the database beside itself, take people and secrets out, search what is left for"
        " them, and dump that into FILE for pg_restore. Its row stands under Privacy."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the dump to write; it must not exist")
        parser.add_argument("--target", default="staging", help="what it is for")
        parser.add_argument("--by", default="", help="who vouches for it, by name")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = copying.make(options["file"])
            services.report_copy(
                None,
                actor=actors.job("sanitised_copy"),
                system="control plane",
                target=options["target"],
                taken_at=made.taken_at,
                rules=RULES,
                sanitised_by=options["by"],
                sha256=made.sha256,
                size=made.size,
                proof=made.proof,
            )
        except ControlPlaneError as error:
            places = ", ".join(error.details.get("places", []))
            raise CommandError(f"{error.message} {places}".strip()) from error
        if options["json"]:
            told = {"file": str(made.file), "sha256": made.sha256, "size": made.size}
            self.stdout.write(json.dumps({**told, "rows": made.proof["rows"]}))
            return
        self.stdout.write(f"{made.file}: {made.size:,} bytes, {made.proof['rows']:,} rows changed")
        self.stdout.write(f"SHA-256 {made.sha256}")
        self.stdout.write("Nobody can sign in there: make an account with manage.py create_user.")
