"""`manage.py prepare`: what a release needs before its processes start. Safe to repeat."""

from __future__ import annotations

import argparse
import os
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = (
        "Migrate, grant the database roles, collect static files, and (outside production) create "
        "the demo workspace. Run it once for each release, before web, worker and beat start."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="no demo workspace")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = "owner" if "owner" in settings.DATABASES else "default"
        known = get_commands()
        if settings.PRODUCTION:
            # Servers start without asking: here a wrong setting stops the release instead.
            self._say("Checking the settings")
            call_command("check", deploy=True, stdout=self.stdout)
        self._say("Migrating the database")
        call_command("migrate", database=owner, interactive=False, verbosity=0)
        if "db_roles" in known:
            self._say("Granting the database roles")
            call_command("db_roles", verbosity=0, stdout=self.stdout)
        self._say("Collecting static files")
        call_command("collectstatic", interactive=False, verbosity=0)
        if not options["no_demo"] and not settings.PRODUCTION and "seed_demo" in known:
            self._say("Loading the demo workspace")
            with open(os.devnull, "w", encoding="utf-8") as nowhere:
                call_command("seed_demo", stdout=nowhere)

    def _say(self, text: str) -> None:
        self.stdout.write(f"- {text}")
        self.stdout.flush()
