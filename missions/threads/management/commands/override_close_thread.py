from __future__ import annotations

from typing import Any

from controlplane.lib.actors import Actor
from controlplane.lib.given import refuse
from missions.threads.models import Thread
from missions.threads.services import update_status
from missions.threads.terminal import ThreadCommand
from missions.threads.terminal.commands import shown

_PREFIX = "human_override:"


class Command(ThreadCommand):
    help = f"Close a thread whatever its state. The reason begins with {_PREFIX} and says why."

    def act(self, thread: Thread, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        reason = options["reason"].strip()
        if not reason.startswith(_PREFIX) or not reason[len(_PREFIX) :].strip():
            raise refuse("reason", f"Begins with {_PREFIX} and says why.")
        return shown(update_status(thread, "closed", actor=actor, reason=reason))
