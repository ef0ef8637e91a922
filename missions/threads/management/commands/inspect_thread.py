from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from controlplane.access import policy
from controlplane.lib.actors import Actor
from missions.threads.models import Thread
from missions.threads.terminal import ThreadCommand, inspecting


class Command(ThreadCommand):
    help = "Show a thread: participants, the last messages, wakes with every try."
    changes = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--limit-messages", type=int, default=20, metavar="N")
        parser.add_argument("--limit-triggers", type=int, default=20, metavar="N")

    def act(self, thread: Thread, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        policy.require(actor, "thread.view", thread)
        most = {name: max(0, min(options[f"limit_{name}"], 1000)) for name in _LIMITED}
        return inspecting.inspect(thread, **most)

    def lines(self, answer: dict[str, Any]) -> list[str]:
        return list(inspecting.lines(answer))


_LIMITED = ("messages", "triggers")
