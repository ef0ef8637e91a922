from __future__ import annotations

from typing import Any

from controlplane.access import policy
from controlplane.lib.actors import Actor
from missions.threads.models import Thread
from missions.threads.terminal import ThreadCommand


class Command(ThreadCommand):
    help = "Say who is asked when a thread is stuck: whoever was assigned, else its owner."
    changes = False

    def act(self, thread: Thread, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        policy.require(actor, "thread.view", thread)
        asked = thread.escalation_owner or thread.owner
        return {
            "thread_id": str(thread.uid),
            "escalation_owner": asked.email if asked is not None else None,
            "assigned": thread.escalation_owner is not None,
        }

    def lines(self, answer: dict[str, Any]) -> list[str]:
        return [answer["escalation_owner"] or "nobody: whoever holds Operations Command is told"]
