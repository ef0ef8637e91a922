from __future__ import annotations

from typing import Any

from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from missions.threads.models import Thread
from missions.threads.services import update_status
from missions.threads.terminal import ThreadCommand
from missions.threads.terminal.commands import shown


class Command(ThreadCommand):
    help = "Let a blocked thread go on."

    def act(self, thread: Thread, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        if thread.status != Thread.Status.BLOCKED:
            raise Conflict("The thread is not blocked.", details={"status": thread.status})
        row = update_status(
            thread, "active", actor=actor, reason=options["reason"], version=thread.version
        )
        return shown(row)
