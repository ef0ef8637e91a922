"""Who may do what in which thread, beside the table of roles."""

from __future__ import annotations

from typing import Any

from controlplane.access import policy
from controlplane.lib.actors import Actor
from missions.threads.models import Participant, Thread

_COORDINATOR = "coordinator"
TAKING_PART = (
    "thread.view", "thread.post", "thread.read", "thread.people", "thread.resolve",
    "thread.reopen", "thread.close", "thread.escalate", "thread.unblock", "thread.override",
    "thread.wake",
)  # fmt: skip


def leads(actor: Actor, workspace_id: int) -> bool:
    """People, the portal and coordinating agents: they write in blocked threads and decide what
    worker agents dispute. A service account is a program like these, whatever its scopes."""
    return actor.kind in {"person", "job"} or _COORDINATOR in actor.roles_in(workspace_id)


@policy.rule(*TAKING_PART)
def takes_part(actor: Actor, obj: Any) -> str | None:
    """An agent acts where it takes part. Coordinators lead every thread of their workspace."""
    if actor.kind != "agent" or not isinstance(obj, Thread):
        return None
    if _COORDINATOR in actor.roles_in(obj.workspace_id):
        return None
    if Participant.objects.present().filter(thread=obj, agent_id=actor.agent_id).exists():
        return None
    return "the agent does not take part in this thread"


@policy.rule("thread.people")
def began_it(actor: Actor, obj: Any) -> str | None:
    """Of agents, whoever began a thread says who takes part, and coordinators."""
    if actor.kind != "agent" or not isinstance(obj, Thread):
        return None
    if obj.created_by == actor.ref or _COORDINATOR in actor.roles_in(obj.workspace_id):
        return None
    return "a coordinator or whoever began the thread says who takes part"
