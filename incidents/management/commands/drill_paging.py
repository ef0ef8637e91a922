from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.access.models import Workspace
from controlplane.lib import actors, context
from controlplane.lib.errors import ControlPlaneError
from incidents.models import Drill, Incident
from incidents.paging import drilling


class Command(BaseCommand):
    help = "Call whoever is on duty for a drill, and score how soon somebody answers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, help="its slug")
        parser.add_argument("--severity", default="sev1", help="the level to drill")
        parser.add_argument("--policy", default="", help="slug; default: the level's")
        parser.add_argument(
            "--wait", type=float, default=0.0,
            help="seconds to wait for an answer; 0: it goes on by itself and ends in half an hour",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace {options['workspace']}.")
        actor = actors.job("drill_paging")
        try:
            with context.bind(source="command"):
                drill = drilling.begin_drill(
                    workspace, actor=actor, severity=options["severity"],
                    policy_slug=options["policy"],
                )  # fmt: skip
                self.stdout.write(f"{drill.incident.ref if drill.incident else ''} calls now.")
                if options["wait"]:
                    self._wait(drill, options["wait"])
                    drill = drilling.end_drill(drill, actor=actor)
        except ControlPlaneError as error:
            raise CommandError(error.message) from error
        if drill.score is not None:
            for name, value in drill.seen.items():
                self.stdout.write(f"{name}: {value}")
            self.stdout.write(f"score: {drill.score} %")

    def _wait(self, drill: Drill, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        rows = Incident.objects.filter(drills=drill, first_acknowledged_at__isnull=False)
        while time.monotonic() < deadline and not rows.exists():
            time.sleep(min(0.5, max(0.01, deadline - time.monotonic())))
