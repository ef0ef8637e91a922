from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.access import services
from controlplane.lib.actors import job
from controlplane.lib.errors import ControlPlaneError


class Command(BaseCommand):
    help = "Create a workspace: one domain of trust, with its own people, agents and rows."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--name", default="", help="default: the slug")
        parser.add_argument("--time-zone", default="UTC", help="for example Europe/Berlin")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            workspace = services.create_workspace(
                options["slug"],
                actor=job("create_workspace"),
                name=options["name"],
                time_zone=options["time_zone"],
            )
        except ControlPlaneError as error:
            raise CommandError(error.message) from None
        if options["json"]:
            self.stdout.write(json.dumps({"id": str(workspace.uid), "slug": workspace.slug}))
        else:
            self.stdout.write(f"{workspace.slug}: created.")
