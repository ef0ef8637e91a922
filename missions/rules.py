"""Who may do what to which mission, beside the table of roles."""

from __future__ import annotations

from typing import Any

from controlplane.access import policy
from controlplane.access.outside import is_outside
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
    return "a safeguard holds it: a governance validator or Operations Command lets it go on"


@policy.rule("mission.view", "mission.feedback")
def shared_with_other_houses(actor: Actor, obj: Any) -> str | None:
    """Doors read by `visible_to` and find nothing; this is for a row that came another way."""
    mission = obj if isinstance(obj, Mission) else getattr(obj, "mission", None)
    if not isinstance(mission, Mission) or not is_outside(actor, mission.workspace_id):
        return None
    if Mission.objects.shared_with(actor).filter(pk=mission.pk).exists():
        return None
    return "it is not shared with you"
