"""Whether missions of a type may run: the flag `mission_type_<type>` says so."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.flags.naming import mission_type_flag
from deployments.flags.serving import asking
from missions.models import Mission


@dataclass(frozen=True, slots=True)
class TypeAnswer:
    allowed: bool
    words: str


def type_allowed(mission: Mission) -> TypeAnswer:
    if not mission.mission_type:
        return TypeAnswer(True, "It has no type that could be switched off.")
    name = mission_type_flag(mission.mission_type)
    context = {"targetingKey": mission.ref, "mission": mission.ref}
    found = asking.decide(name, context, workspace=mission.workspace_id)
    if not found.known:
        return TypeAnswer(False, f"There is no flag {name} here, or it could not be read.")
    if not found.enabled:
        return TypeAnswer(False, f"The flag {name} is off.")
    return TypeAnswer(True, f"The flag {name} is on.")
