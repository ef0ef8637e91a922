"""What is unread, over all threads of an agent."""

from __future__ import annotations

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotAllowed
from controlplane.lib.prepared import one
from missions.threads.services.common import array
from missions.threads.statements.inbox import INBOX

THREADS_MOST = 200  # shown at once, the liveliest first


def read_inbox(*, actor: Actor, held: str | None = None) -> bytes:
    """As JSON: the database made it. `held`: the session whose stream looks by itself."""
    policy.require(actor, "thread.read")
    if actor.kind != "agent":
        raise NotAllowed(
            "Only agents keep a cursor.",
            denial={"actor": actor, "action": "thread.read", "rule": "agents_read",
                    "reason": "only agents keep a cursor"},
        )  # fmt: skip
    values = {
        "agent": actor.agent_id,
        "workspaces": array(sorted(actor.workspace_ids)),
        "limit": THREADS_MOST,
        "held": held,
    }
    text: str = one(INBOX, values)[0]
    return text.encode()
