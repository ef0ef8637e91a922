from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.access.models import Workspace
from controlplane.lib import actors, context
from incidents.paging import testing


class Command(BaseCommand):
    help = "Send a test alert and follow it until somebody was told. Fails where it gets stuck."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, help="its slug")
        parser.add_argument("--within", type=float, default=30.0, help="seconds for each part")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace {options['workspace']}.")
        with context.bind(source="command"):
            trace = testing.fire(
                workspace, actor=actors.job("alert_test"), within_s=options["within"]
            )
        for what, well, seconds in trace.steps:
            self.stdout.write(f"{'ok  ' if well else 'FAIL'} {seconds:6.2f} s  {what}")
        if not trace.passed:
            raise CommandError("The alert got stuck.")
        self.stdout.write(f"{trace.incident} told of it, and is put away.")
