from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from controlplane.lib.actors import Actor
from missions.threads.terminal import OperatorCommand, fallbacks
from missions.threads.waking.services.running import kill_run


class Command(OperatorCommand):
    help = "End a command that was started to wake an agent, and the wake with it."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--run-id", required=True, metavar="ID")

    def perform(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        row = fallbacks.find(options["run_id"], actor)
        return fallbacks.shown(kill_run(row, actor=actor, reason=options["reason"]))
