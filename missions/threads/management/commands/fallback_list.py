from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from controlplane.lib.actors import Actor
from missions.threads.terminal import OperatorCommand, fallbacks


class Command(OperatorCommand):
    help = "List the commands that were started to wake agents."
    changes = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--workspace", default="", metavar="SLUG")
        parser.add_argument("--all", action="store_true", help="those that ended, too")
        parser.add_argument("--limit", type=int, default=50, metavar="N")

    def perform(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        most = max(1, min(options["limit"], 1000))
        rows = fallbacks.listed(actor, options["workspace"], ended=options["all"], most=most)
        return {"runs": [fallbacks.shown(row) for row in rows]}

    def lines(self, answer: dict[str, Any]) -> list[str]:
        return [fallbacks.line(row) for row in answer["runs"]] or ["None."]
