"""`manage.py roster`: the on-call roster of the next weeks as Markdown."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.access.models import Workspace
from controlplane.oncall.models import Schedule
from controlplane.oncall.roster import roster


class Command(BaseCommand):
    help = "Print the on-call roster of the next weeks as Markdown, to publish or to keep."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, help="whose, by slug")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace {options['workspace']}.")
        rows = Schedule.objects.active().of(workspace).order_by("title", "id")
        self.stdout.write(roster(list(rows)))
