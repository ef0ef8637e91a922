from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from controlplane.access.models import Workspace
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from missions.threads.levels import MOST_DAYS, levels, window
from missions.threads.terminal import OperatorCommand


class Command(OperatorCommand):
    help = "The service levels of a workspace's threads, and whether their floor is met."
    changes = False
    report: dict[str, Any]

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument(
            "--days", type=int, default=7, help=f"so far back, up to {MOST_DAYS} (default: 7)"
        )
        parser.add_argument("--output", type=Path, metavar="FILE", help="write the report there")
        parser.add_argument("--check", action="store_true", help="exit code 1 where one is missed")

    def perform(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise NotFound("There is no such workspace.")
        start, end = window(options["days"])
        self.report = levels(workspace, actor=actor, start=start, end=end)
        return self.report

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if options["output"] is not None:
            options["output"].write_text(json.dumps(self.report, indent=2) + "\n")
        if options["check"] and self.report["missed"]:
            raise CommandError("; ".join(self.report["missed"]))

    def lines(self, answer: dict[str, Any]) -> list[str]:
        told = [f"{answer['workspace']}: {answer['from']} to {answer['until']}"]
        for name in ("post", "read", "trigger"):
            one = answer[name]
            slow = _ms(one["p95LatencyMs"])
            told.append(f"{name}: {one['successes']:,} of {one['attempts']:,}, p95 {slow}")
        told.append(f"posted to visible, p95: {_ms(answer['postToVisibleP95Ms'])}")
        told.append(f"message to wake, p95: {_ms(answer['messageToWakeTriggerP95Ms'])}")
        return [*told, *(f"missed: {each}" for each in answer["missed"])]


def _ms(value: float | None) -> str:
    return "not measured" if value is None else f"{value:,.1f} ms"
