"""Back up the portal's database now."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.backups.services import run_backup
from controlplane.lib import actors


class Command(BaseCommand):
    help = "Dump the database into a checksummed file, and remove backups past their 30 days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--to", type=Path, help="folder (default: `backups` in the state folder)"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        report = run_backup(actors.job("backup"), to=options["to"])
        if not report.ok:
            raise CommandError(f"The backup failed: {report.error}")
        seconds = (report.finished_at - report.started_at).total_seconds()
        if options["json"]:
            told = {"file": report.location, "sha256": report.sha256, "size": report.size}
            self.stdout.write(json.dumps({**told, "seconds": round(seconds, 3)}))
            return
        self.stdout.write(f"{report.location}: {report.size:,} bytes in {seconds:.1f} s")
        self.stdout.write(f"SHA-256 {report.sha256}")
