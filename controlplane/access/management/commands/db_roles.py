"""Give the database roles their rights, or say whether tamper protection is full."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.access import dbroles
from controlplane.audit.sealing import alias
from controlplane.lib.errors import Invalid


class Command(BaseCommand):
    help = (
        "Grant the portal's role and the read-only role their rights (after every migration),"
        " with the owner's connection. With --check, change nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--app", default="", help="the portal's role (default: DATABASE_URL's)")
        parser.add_argument(
            "--reader", default="", help="the read-only role (default: CONTROLPLANE_READER_ROLE)"
        )
        parser.add_argument("--check", action="store_true")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        roles = dbroles.configured(options["app"], options["reader"])
        if not options["check"]:
            try:
                done = dbroles.grant(roles, using=alias())
            except Invalid as error:
                raise CommandError(error.message) from error
            if options["verbosity"]:
                self.stdout.write(f"{roles.reader} may read {done['tables']} tables.")
        found = dbroles.protection()
        if options["json"]:
            self.stdout.write(json.dumps({"full": found.full, "reasons": found.reasons}))
        elif options["check"] or options["verbosity"]:
            self._say(found)
        if options["check"] and not found.full:
            raise SystemExit(1)

    def _say(self, found: dbroles.Protection) -> None:
        if found.full:
            self.stdout.write(self.style.SUCCESS("Tamper protection of the audit log is full."))
            return
        self.stdout.write(self.style.WARNING("Tamper protection of the audit log is reduced:"))
        for reason in found.reasons:
            self.stdout.write(f"  - {reason}")
