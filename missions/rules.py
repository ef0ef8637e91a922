"""Who may do what to which mission, beside the table of roles."""

from __future__ import annotations

from typing import Any

from controlplane.access import policy
from controlplane.lib.actors import Actor
from missions.models import Mission

_AFTER_VIOLATION = frozenset({"governance_validator", "operations_command"})


@policy.rule("mission.resume")
def violation_is_not_the_owners(actor: Actor, obj: Any) -> str | None:
    """What a safeguard stopped, whoever wants the outcome does not start again."""
    if not isinstance(obj, Mission) or obj.paused_cause != Mission.Cause.SAFEGUARD:
        return None
    if actor.roles_in(obj.workspace_id) & _AFTER_VIOLATION:
        return None
    return "a safeguard paused it: a governance validator or Operations Command lets it go on"
