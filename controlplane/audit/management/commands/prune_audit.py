"""Remove audit events past their retention, by a sealed prune record."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.audit.pruning import prune
from controlplane.audit.times import moment
from controlplane.lib import actors
from controlplane.lib.errors import Conflict, Invalid


class Command(BaseCommand):
    help = "Remove audit events older than the retention (never younger than 365 days)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--before", help="a day or time at least 365 days ago")
        parser.add_argument(
            "--yes", action="store_true", help="do it; without it only say what would go"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = prune(
                actors.job("prune_audit"),
                before=moment(options["before"]),
                dry_run=not options["yes"],
            )
        except (Conflict, Invalid) as error:
            raise CommandError(error.message) from error
        if options["yes"]:
            self.stdout.write(f"{done.deleted} events removed, through seal {done.through_seal}.")
            return
        self.stdout.write(
            f"{done.events} events from before {done.cutoff:%Y-%m-%d %H:%M} UTC would go,"
            f" through seal {done.through_seal}. Nothing was changed; add --yes to remove them."
        )
