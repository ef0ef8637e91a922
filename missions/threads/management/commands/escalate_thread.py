from __future__ import annotations

from typing import Any

from controlplane.lib.actors import Actor
from missions.threads.models import Thread
from missions.threads.services import update_status
from missions.threads.terminal import ThreadCommand
from missions.threads.terminal.commands import shown


class Command(ThreadCommand):
    help = "Block a thread until somebody settles what it is stuck with."

    def act(self, thread: Thread, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        return shown(update_status(thread, "blocked", actor=actor, reason=options["reason"]))
