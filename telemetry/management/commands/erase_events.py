"""Let events go before their time: those of one mission, or all of a workspace."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.access.models import Workspace
from controlplane.lib.actors import job
from controlplane.lib.errors import ControlPlaneError
from telemetry.erasing import erase_events


class Command(BaseCommand):
    help = (
        "Erase the events of one mission, or with --all of a whole workspace. Sums of days that are"
        " still open are computed anew; the reason stands in the audit log."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", required=True, help="its slug")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--mission", default="", help="as the events name it")
        what.add_argument("--all", action="store_true", help="everything it ever reported")
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise CommandError("No such workspace.")
        if not options["all"] and not options["mission"].strip():
            raise CommandError("Name the mission.")
        try:
            gone = erase_events(
                job("erase_events"),
                workspace,
                mission=options["mission"],
                reason=options["reason"],
            )
        except ControlPlaneError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{gone:,} events erased")
